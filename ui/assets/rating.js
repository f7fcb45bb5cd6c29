// Rates the comparison on the page. What is set before the choice is part of it; the choice sends it all, and what is set
// after it is sent as a new rating. Two lanes: one choice. More: placed best to worst, ties are groups. The evaluator's
// name is their account's, or asked once and kept in this browser. The server checks everything again.
const NAME = 'lanewise.evaluator';
const bar = $('.rating'), name = $('.name'), comment = $('.comment'), hint = $('.hint');
// `saved` is what the server keeps of this person; what they have chosen since is in the outbox
let saved = null, waiting = null, shown = null, skipping = false, strength = null;
let order = null, thought = null, tags = [], scores = {}, traces = { ranking: [], marks: {} };
name.value = account || localStorage.getItem(NAME) || '';
name.readOnly = !!account;
const attention = new Attention(bar, noticed), outbox = new Outbox((act) => trigger('rate', act));
const own = () => outbox.last || saved;

const range = (n) => [...Array(n).keys()];
const text = (ranking) => ranking.map((group) => group.map((i) => props.value.letters[i]).join(' = ')).join(' > ');
const without = (list, item) => list.filter((other) => other !== item);

// lanes being placed, best first; `place` and `rest` give the whole ranking once nothing is left to choose
class Order {
  constructor(lanes) { this.lanes = lanes; this.groups = []; this.join = false; }
  get left() { return this.lanes.filter((i) => !this.groups.flat().includes(i)); }
  place(i) {
    if (!this.left.includes(i)) return null;
    if (this.join) this.groups.at(-1).push(i); else this.groups.push([i]);
    this.join = false;
    return this.left.length > 1 ? null : this.rest();
  }
  rest() { return this.left.length ? [...this.groups, this.left] : this.groups; }
  tie() { if (this.lanes.length === 2 || !this.groups.length) return [this.lanes]; this.join = !this.join; return null; }
  undo() { this.groups.at(-1).pop(); if (!this.groups.at(-1).length) this.groups.pop(); this.join = false; }
}

function noticed() {   // a lane has changed
  // all answers have appeared, though further samples of them may still be asked for
  if (props.value?.waits && attention.over) { props.value.waits = false; render(); } else stand();
}
function stand() {   // nothing can be rated before all of it is there
  const run = attention.stands ? attention.run : '';
  if (bar.dataset.run === run) return;
  bar.dataset.run = run; $('.choices').inert = !run;
}

function send(choice) {
  waiting = choice;
  bar.dataset.open = '';
  if (!name.value.trim()) { hint.textContent = 'Type your name and press Enter: it is kept with your ratings and asked only once.'; name.focus(); return; }
  if (!account) localStorage.setItem(NAME, name.value.trim());
  const more = choice.skipped ? {} : { tags, scores, traces }, seen = { seconds: attention.seconds, read: [...attention.read], opened: [...attention.opened] };
  const { run, step } = props.value;
  outbox.add({ strength: null, ...more, ...choice, ...seen, run, step, evaluator: name.value.trim(), comment: comment.value.trim() });
  waiting = strength = null; skipping = false; begin(); render();
}
function again() { const mine = own(); if (mine && !mine.skipped) send({ ranking: mine.ranking, all_bad: mine.all_bad, strength: mine.strength }); else render(); }
function begin() { order = new Order(range(props.value.letters.length)); thought = new Order(props.value.reasoned); }

// the person's acts
const reasoning = () => props.value.step === 'reasoning';
function decide(ranking) {
  if (!ranking) { render(); return; }
  if (reasoning()) { traces = { ...traces, ranking }; again(); return; }
  send({ ranking, all_bad: false, strength: order.lanes.length === 2 && ranking.length === 2 ? strength : null });
}
const current = () => (reasoning() ? thought : order);
function place(i) { if (!props.value.waits) decide(current().place(i)); }
function tie() { decide(current().tie()); }
function rest() { if (current().groups.length) decide(current().rest()); }
function undo() { if (current().groups.length) { current().undo(); render(); } }
function bad() { send({ ranking: [order.lanes], all_bad: true }); }
function better(i, by) { strength = by; place(i); }
function refine(by) {   // before the choice it waits for it
  const mine = own();
  if (mine && !mine.skipped && mine.ranking.length === 2) send({ ranking: mine.ranking, all_bad: false, strength: by });
  else { strength = strength === by ? null : by; render(); }
}
function skip() { if (reasoning()) { if (own()) again(); else reveal(); } else { skipping = !skipping; render(); } }
function mark(word, i) {
  const lanes = traces.marks[word] || [];
  traces = { ...traces, marks: { ...traces.marks, [word]: lanes.includes(i) ? without(lanes, i) : [...lanes, i] } };
  if (reasoning()) render(); else again();
}
function prefer(ranking) { if (ranking) { traces = { ...traces, ranking }; again(); } else render(); }

function button(label, keys, act, pressed, kind = '') {
  const b = make('button', kind, keys ? label + ' ' : label); b.type = 'button';
  if (keys) b.append(make('kbd', '', keys));
  if (pressed !== undefined) b.setAttribute('aria-pressed', pressed ? 'true' : 'false');
  // a click leaves the keyboard with the answers: Enter would press whatever stands here next
  b.addEventListener('click', (event) => { if (event.detail) b.blur(); act(); }); return b;
}

// new buttons in the place of those that changed; the keyboard stays where it was
function refill(box, parts) {
  const all = () => [...box.querySelectorAll('button')], at = all().indexOf(document.activeElement);
  parts.forEach((part, i) => { const old = box.children[i]; if (!old) box.append(part); else if (!old.isEqualNode(part)) old.replaceWith(part); });
  while (box.children.length > parts.length) box.lastChild.remove();
  if (at >= 0 && !box.contains(document.activeElement)) all()[Math.min(at, all().length - 1)]?.focus();
}

function lanes(placing, best, act) {   // what one lane's button does, for answers and for reasoning
  const { letters } = props.value, two = placing.lanes.length === 2;
  return placing.lanes.map((i) => button(two ? `${letters[i]} better` : letters[i], act ? '' : String(i + 1), () => (act ? act(i) : place(i)),
    two ? !!best && best.length === 2 && best[0][0] === i : placing.groups.flat().includes(i)));
}

function choices(best) {
  const v = props.value, placing = current(), two = placing.lanes.length === 2, begun = placing.groups.length > 0;
  if (v.waits) return [];
  if (skipping) return [...v.rubric.skips.map((why, i) => button(why, String(i + 1), () => send({ skipped: why }))), button('Back', 's', skip)];
  const many = placing.lanes.length > 1, row = many ? lanes(placing, best) : [];
  if (two && !reasoning()) range(2).forEach((i) => {
    const group = make('span', 'side'); group.append(row[i], ...v.strengths.map((word, at) => {
      const b = button(word, String(7 + at), () => better(i, at + 1), strength === at + 1 || (!!best && best.length === 2 && best[0][0] === i && own().strength === at + 1), 'by');
      b.setAttribute('aria-label', `${v.letters[i]} ${word} better`); return b;
    })); row[i] = group;
  });
  if (reasoning()) row.unshift(button('Read it', 'r', unfold));
  if (many) row.push(button(two || !begun ? 'Tie' : 'ties with …', 't', tie, placing.join || (!!best && best.length === 1 && !begun)));
  if (begun && placing.left.length > 1) row.push(button('The rest tie', 'e', rest));
  if (begun) row.push(button('Undo', '⌫', undo));
  if (reasoning()) row.push(...marks(), button(Object.values(traces.marks).some((each) => each.length) ? 'Done' : 'Skip', 's', skip));
  else row.push(button(two ? 'Both bad' : 'All bad', 'b', bad, !!own()?.all_bad), button('Skip', 's', skip, !!own()?.skipped));
  return row;
}

function marks() {
  return props.value.reasoned.map((i) => {
    const letter = props.value.letters[i], group = make('span', 'marks'); group.role = 'group'; group.setAttribute('aria-label', `Reasoning of ${letter}`);
    group.append(make('b', '', letter), ...props.value.rubric.marks.map((word) => button(word, '', () => mark(word, i), (traces.marks[word] || []).includes(i), 'tag')));
    return group;
  });
}

function scoring() {   // a list that is open is not to close because another answer came back: made once, then only set
  const { run, letters, rubric } = props.value, box = $('.scores > div');
  $('.scores').hidden = !rubric.dimensions.length;
  if (box.dataset.run !== run) {
    box.dataset.run = run;
    box.replaceChildren(...rubric.dimensions.map(({ name: of, scale, help }) => {
      const row = make('div', 'dimension'), label = make('span', '', of); label.title = help; row.append(label);
      letters.forEach((letter, i) => {
        const pick = make('select'); pick.setAttribute('aria-label', `${of} of ${letter}`); pick.dataset.of = of; pick.dataset.lane = i;
        pick.append(new Option(letter, ''), ...scale.map((word, step) => new Option(`${letter}: ${word}`, step + 1)));
        pick.addEventListener('change', () => { scores = { ...scores, [of]: letters.map((_, j) => (j === i ? Number(pick.value) || null : (scores[of] || [])[j] || null)) }; again(); });
        row.append(pick);
      });
      return row;
    }));
  }
  for (const pick of box.querySelectorAll('select')) pick.value = (scores[pick.dataset.of] || [])[pick.dataset.lane] || '';
}

function resume() {   // what is being chosen here outlasts a redraw, but no change of comparison or person
  const v = props.value, evaluator = name.value.trim(), key = `${v.run}/${evaluator}`;
  saved = v.ratings.find((rating) => rating.evaluator === evaluator) || null;
  const isNew = !shown?.startsWith(`${v.run}/`);
  if (shown === key) { if (thought.lanes.length !== v.reasoned.length) thought = new Order(v.reasoned); return; }
  if (isNew || saved) {
    begin(); strength = null; skipping = false; hint.textContent = '';
    ({ tags, scores, traces } = saved ? structuredClone(saved) : { tags: [], scores: {}, traces: { ranking: [], marks: {} } });
    comment.value = saved ? saved.comment : '';
  }
  shown = key; delete bar.dataset.open;
  if (isNew) outbox.recover(v, saved);
}

function render() {
  const v = props.value || {};
  outbox.heard(v);
  bar.hidden = !v.run;
  if (!v.run) return;
  attention.follow(v.run, v.letters, v.waits); stand(); resume();
  const mine = own();
  if (mine || waiting) bar.dataset.open = '';
  const two = v.letters.length === 2, best = reasoning() ? traces.ranking : mine && !mine.all_bad && mine.ranking;
  $('.ask').textContent = v.waits ? 'The answers appear together, once all are done.' : skipping ? 'Why?'
    : reasoning() ? 'And the reasoning?' : two ? 'Which is better?' : 'Rank them, best first';
  refill($('.choices'), choices(best));
  const placing = current();
  $('.order').textContent = placing.groups.length ? text(placing.groups) + (placing.join ? ' = …' : ' > …') : !mine || reasoning() ? ''
    : mine.skipped ? `skipped: ${mine.skipped}` : mine.all_bad ? (two ? 'both bad' : 'all bad') : text(mine.ranking);
  $('.extras').hidden = reasoning();
  refill($('.tags'), v.rubric.tags.map((tag) => button(tag, '', () => { tags = tags.includes(tag) ? without(tags, tag) : [...tags, tag]; again(); render(); }, tags.includes(tag), 'tag')));
  scoring();
  $('.traces').hidden = !v.reasoned.length || reasoning();
  if (v.reasoned.length) refill($('.traces > div'), [...(v.reasoned.length > 1 ? [...lanes(thought, traces.ranking, (i) => prefer(thought.place(i))), button('Tie', '', () => prefer(thought.tie()), traces.ranking.length === 1)] : []), ...marks()]);
  $('.reveal').hidden = v.step !== 'answers';   // later, Skip leads to it
  bar.ariaBusy = outbox.last ? 'true' : 'false';
  if (outbox.last) hint.textContent = 'Saving …';
  else if (v.said) hint.textContent = v.said === 'Saved.' && v.blind && v.step === 'open' ? 'Saved. Changes are kept as made after the reveal.' : v.said;
}

const reveal = () => outbox.then(() => trigger('reveal'));   // what was rated before is rated blind
comment.addEventListener('change', again);
$('.reveal').addEventListener('click', reveal);
// Enter alone takes a name: a rating key that lands in the field must not become somebody
name.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !name.value.trim()) return;
  event.preventDefault();
  if (!account) localStorage.setItem(NAME, name.value.trim());
  name.blur();
  if (waiting) send(waiting); else render();
});
bar.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.target.blur(); document.getElementById('lanes').focus({ preventScroll: true }); } });

function unfold() {   // by clicks, which tell whose was opened
  const folds = [...document.querySelectorAll('.card .reasoning')].filter((fold) => fold.offsetParent), closed = folds.filter((fold) => !fold.open);
  for (const fold of closed.length ? closed : folds) fold.querySelector('summary').click();
  const { top, bottom } = (closed[0] || bar).getBoundingClientRect();
  if (closed[0] && (top < 0 || bottom > bar.getBoundingClientRect().top)) closed[0].scrollIntoView();
}
function into(selector) { bar.dataset.open = ''; const fold = $(selector).closest('details'); if (fold) fold.open = true; $(selector).focus(); }
const ACTS = {
  t: tie, b: () => { if (!reasoning()) bad(); }, s: skip, e: rest, r: unfold, Backspace: undo, v: () => { if (!$('.reveal').hidden) reveal(); },
  c: () => into('.comment'), m: () => { if (props.value.reasoned.length) into(reasoning() ? '.choices .marks button' : '.traces .marks button'); }, g: () => into('.tags button'), o: () => { if (!$('.scores').hidden) into('.scores select'); },
};
function onKey(event) {
  if (!element.isConnected) { leave(); return; }
  const v = props.value, { key } = event;
  if (event.repeat || !v || !v.run || !element.offsetParent || !isCommand(event) || !attention.stands) return;
  const lane = v.letters.indexOf(key), digit = /^[1-9]$/.test(key) ? Number(key) : 0;
  if (v.waits && !'rv'.includes(key)) return;
  if (skipping && digit) { if (digit <= v.rubric.skips.length) send({ skipped: v.rubric.skips[digit - 1] }); else return; }
  else if (lane >= 0) place(lane);
  else if (digit && digit <= v.letters.length) place(digit - 1);
  else if (digit > 6 && v.letters.length === 2 && !reasoning()) refine(digit - 6);
  else if (Object.hasOwn(ACTS, key)) ACTS[key]();
  else return;
  event.preventDefault();
}
function leave() { document.removeEventListener('keydown', onKey); attention.leave(); }
document.addEventListener('keydown', onKey);
watch('value', render); render();
