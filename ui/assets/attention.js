// What this person sees of a comparison: how long its answers were on the screen, whose end, whose reasoning.
const ENDED = ['done', 'failed', 'stopped', 'interrupted'];
const LONG = 1000;   // milliseconds that the end of an answer must be in sight
class Attention {
  // `bar` tells of it, and covers the window's end; `changed` is called when a lane of the page changes
  constructor(bar, changed) {
    Object.assign(this, { bar, changed, inSight: new Set(), told: ['visibilitychange', 'click'].map((kind) => [kind, (event) => this[kind](event), true]) });
    this.follow(null, []);
    this.ends = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.inSight[isIntersecting ? 'add' : 'delete'](target.dataset.letter);
      this.note();
    }, { rootMargin: '0px 0px -72px 0px' });
    this.states = new MutationObserver(() => { this.note(); changed(); });
    this.states.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-state', 'data-key', 'data-run'] });
    this.told.forEach((each) => document.addEventListener(...each));
  }
  leave() { this.told.forEach((each) => document.removeEventListener(...each)); this.states.disconnect(); this.ends.disconnect(); }

  follow(run, letters, waits) {   // `waits`: they are not all shown yet
    if (run !== this.run) Object.assign(this, { run, since: null, spent: 0, shown: new Map(), read: new Set(), opened: new Set() });
    Object.assign(this, { letters, waits });
    for (const letter of letters) {
      const answer = document.getElementById(`answer-${letter}`);
      if (!answer || answer.querySelector(':scope > .end')) continue;
      const end = make('span', 'end'); end.dataset.letter = letter; answer.append(end); this.ends.observe(end);
    }
    if (run) this.note();
  }
  state(letter) { return document.querySelector(`#card-${letter} .card[data-key^="${this.run}/"]`)?.dataset.state; }
  get stands() {   // is all that the page shows of this comparison?
    return document.querySelector('#question .question')?.dataset.run === this.run && this.letters.every((letter) => this.state(letter));
  }
  get over() { return this.letters.every((letter) => ENDED.includes(this.state(letter))); }
  get seconds() { return this.milliseconds ? this.milliseconds / 1000 : null; }
  get milliseconds() { return this.spent + (this.since === null ? 0 : performance.now() - this.since); }

  note() {
    const ready = this.letters.length && this.letters.every((letter) => [...ENDED, 'answering'].includes(this.state(letter)));
    if (ready && !this.waits && this.since === null && !this.spent && !document.hidden) this.since = performance.now();
    for (const letter of this.letters) {
      if (!ENDED.includes(this.state(letter)) || !this.inSight.has(letter)) this.shown.delete(letter);
      else if (!this.shown.has(letter)) this.shown.set(letter, performance.now());
    }
    // after a frame is drawn: then `inSight` knows of the text that came with the end
    setTimeout(() => requestAnimationFrame(() => setTimeout(() => this.see())), LONG);
    this.tell();
  }
  see() {
    this.letters.forEach((letter, i) => { if (performance.now() - this.shown.get(letter) >= LONG) this.read.add(i); });
    this.tell();
  }
  tell() { for (const which of ['read', 'opened']) this.bar.dataset[which] = [...this[which]].sort().join(' '); }
  visibilitychange() {   // while another tab is looked at, nothing is judged here
    if (document.hidden) { this.spent = this.milliseconds; this.since = null; } else if (this.spent) this.since = performance.now(); else this.note();
  }
  click({ target }) {
    const fold = target.closest?.('.card .reasoning'), letter = fold?.closest('[id^=card-]')?.id.slice(-1);
    if (this.state(letter) && target.closest('summary') && !fold.open) { this.opened.add(this.letters.indexOf(letter)); this.tell(); }
  }
}
