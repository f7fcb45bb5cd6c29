// What a person has chosen, on its way to the server: one after another, as two at once might overtake each other. What
// had not arrived when the page was loaded anew goes out then.
const KEPT = 'lanewise.outbox', PATIENCE = 15000;
class Outbox {
  constructor(post) { Object.assign(this, { post, acts: [], number: 0, since: 0, after: null, lost: JSON.parse(sessionStorage.getItem(KEPT) || '[]') }); }
  get last() { return this.acts.at(-1); }
  get isWaiting() { return this.acts.length > 0 && performance.now() - this.since < PATIENCE; }   // an answer may be lost on the way

  add(act) {
    this.put([...(this.isWaiting ? this.acts : []), { ...act, number: ++this.number }]);
    if (this.acts.length === 1) this.send();
  }
  put(acts) { this.acts = acts; sessionStorage.setItem(KEPT, JSON.stringify(acts)); }
  send() { this.since = performance.now(); this.post(this.acts[0]); }
  then(act) { if (this.isWaiting) this.after = act; else act(); }   // once all of it has arrived

  heard({ run, number }) {
    const [first, ...rest] = this.acts, { after } = this;
    if (first && first.run !== run) { this.put([]); this.after = null; rest.forEach(this.post); }   // nothing is heard of them here
    else if (first && first.number === number) {
      this.put(rest);
      if (rest.length) this.send(); else if (after) { this.after = null; after(); }
    }
  }
  recover({ run, step }, saved) {   // `saved`: it may have arrived, and only the answer was lost
    const lost = this.lost.filter((act) => act.run === run && act.step === step), gist = (act) => JSON.stringify([act.ranking || [], !!act.all_bad, act.skipped || '']);
    this.lost = [];
    if (lost.length && !(saved && gist(saved) === gist(lost.at(-1)))) lost.forEach((act) => this.add(act));
  }
}
