// Rates the comparison on the page. Two lanes: one choice. More lanes: place them best to worst; ties are groups.
// The evaluator's name is asked once and kept in this browser. The server checks everything again.
const NAME = 'lanewise.evaluator';
const name = $('.name'), comment = $('.comment'), hint = $('.hint');
let draft = [], tags = [], join = false, saved = null, waiting = null, shown = null;
name.value = localStorage.getItem(NAME) || '';

const letters = () => props.value.letters;
const left = () => letters().map((_, i) => i).filter((i) => !draft.flat().includes(i));
const text = (ranking) => ranking.map((group) => group.map((i) => letters()[i]).join(' = ')).join(' > ');

function save(ranking, all_bad) {
  waiting = { ranking, all_bad };
  $('.rating').dataset.open = '';
  if (!name.value.trim()) { hint.textContent = 'Type your name and press Enter: it is kept with your ratings and asked only once.'; name.focus(); return; }
  localStorage.setItem(NAME, name.value.trim());
  trigger('rate', { ...waiting, run: props.value.run, evaluator: name.value.trim(), tags, comment: comment.value.trim() });
  waiting = null; draft = []; join = false; hint.textContent = 'Saving …';
}
function again() { if (saved) save(saved.ranking, saved.all_bad); }   // tags and comment belong to a rating: changing them stores a new one

function place(i) {
  if (i >= letters().length || draft.flat().includes(i)) return;
  if (letters().length === 2) { save([[i], [1 - i]], false); return; }
  if (join && draft.length) draft.at(-1).push(i); else draft.push([i]);
  join = false;
  const rest = left();
  if (rest.length === 1 && !join) { draft.push(rest); save(draft, false); } else render();
}
function tie() {
  if (letters().length === 2 || !draft.length) save([letters().map((_, i) => i)], false);
  else { join = !join; render(); }
}
function bad() { save([letters().map((_, i) => i)], true); }
function done() { if (draft.length) { const rest = left(); save(rest.length ? [...draft, rest] : draft, false); } }
function undo() { if (draft.length) { draft.at(-1).pop(); if (!draft.at(-1).length) draft.pop(); join = false; render(); } }

function button(label, keys, act, pressed) {
  const b = make('button', '', label + ' '); b.type = 'button'; b.append(make('kbd', '', keys));
  b.setAttribute('aria-pressed', pressed ? 'true' : 'false'); b.addEventListener('click', act); return b;
}

// new buttons in the place of old ones; the keyboard stays where it was
function refill(box, buttons) {
  const at = [...box.children].indexOf(document.activeElement);
  box.replaceChildren(...buttons);
  if (at >= 0) box.children[Math.min(at, buttons.length - 1)].focus();
}

function render() {
  const v = props.value || {};
  $('.rating').hidden = !v.run;
  if (!v.run) return;
  const evaluator = name.value.trim();
  saved = v.ratings.find((rating) => rating.evaluator === evaluator) || null;
  if (shown !== `${v.run}/${evaluator}`) {   // what is being chosen here outlasts a redraw, but no change of comparison or person
    if (!shown || !shown.startsWith(`${v.run}/`) || saved) { draft = []; join = false; tags = saved ? [...saved.tags] : []; comment.value = saved ? saved.comment : ''; hint.textContent = ''; }
    shown = `${v.run}/${evaluator}`; delete $('.rating').dataset.open;
  }
  if (saved || waiting) $('.rating').dataset.open = '';
  const two = v.letters.length === 2, best = saved && !saved.all_bad && saved.ranking;
  $('.ask').textContent = two ? 'Which is better?' : 'Rank them, best first';
  const rows = v.letters.map((letter, i) => {
    const chosen = two ? best && best.length === 2 && best[0][0] === i : draft.flat().includes(i);
    return button(two ? `${letter} better` : letter, String(i + 1), () => place(i), chosen);
  });
  rows.push(button(two || !draft.length ? 'Tie' : 'ties with …', 't', tie, join || (best && best.length === 1 && !draft.length)));
  rows.push(button(two ? 'Both bad' : 'All bad', 'b', bad, saved && saved.all_bad));
  if (!two && draft.length) { rows.push(button('Done', '↵', done)); rows.push(button('Undo', '⌫', undo)); }
  refill($('.choices'), rows);
  $('.order').textContent = draft.length ? text(draft) + (join ? ' = …' : ' > …') : saved ? (saved.all_bad ? (two ? 'both bad' : 'all bad') : text(saved.ranking)) : '';
  refill($('.tags'), v.tags.map((tag) => {
    const b = make('button', 'tag', tag); b.type = 'button'; b.setAttribute('aria-pressed', tags.includes(tag) ? 'true' : 'false');
    b.addEventListener('click', () => { tags = tags.includes(tag) ? tags.filter((other) => other !== tag) : [...tags, tag]; again(); render(); });
    return b;
  }));
  $('.reveal').hidden = !v.sealed;
  if (v.said) hint.textContent = v.said;
}

comment.addEventListener('change', again);
$('.reveal').addEventListener('click', () => trigger('reveal'));
// Enter alone takes a name: a rating key that lands in the field must not become somebody
name.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !name.value.trim()) return;
  event.preventDefault();
  localStorage.setItem(NAME, name.value.trim());
  name.blur();
  if (waiting) save(waiting.ranking, waiting.all_bad); else render();
});

function onKey(event) {
  if (!element.isConnected) { document.removeEventListener('keydown', onKey); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || !props.value || !props.value.run || !element.offsetParent) return;
  if (event.target.closest('input, textarea, select, [contenteditable], [role=listbox], .cm-editor')) return;
  if (/^[1-6]$/.test(event.key)) place(Number(event.key) - 1);
  else if (event.key === 't') tie();
  else if (event.key === 'b') bad();
  else if (event.key === 'Enter' && draft.length) done();
  else if (event.key === 'Backspace' && draft.length) undo();
  else return;
  event.preventDefault();
}
document.addEventListener('keydown', onKey);
watch('value', render); render();
