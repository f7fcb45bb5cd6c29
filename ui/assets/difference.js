// Shows two answers word by word, as the server told them apart. Text goes in as text.
const box = $('.difference'), panes = $('.panes'), only = $('.only'), toggle = $('[data-act=differ]');
const sides = [$('select.left'), $('select.right')];
const EDGE = 40;   // characters of what is the same that stay beside a difference
let run = null;

const open = () => !panes.hidden;
const chosen = () => sides.map((side) => Number(side.value));
function ask() { const [left, right] = chosen(); trigger('differ', { run, left, right }); }

function unfold(wanted) {
  panes.hidden = $('.between').hidden = !wanted;
  toggle.setAttribute('aria-expanded', wanted ? 'true' : 'false');
  if (wanted) ask();
}

// of what is the same, only the edges that touch a difference
function shortened(text, first, last) {
  if (!only.checked || text.length <= 2 * EDGE + 10) return text;
  return `${first ? '' : text.slice(0, EDGE)} … ${last ? '' : text.slice(-EDGE)}`;
}

function fill(pane, letter, own, tag, parts) {
  pane.firstElementChild.textContent = letter;
  pane.setAttribute('aria-label', `Answer ${letter} with its differences marked`);
  const shown = parts.filter(([where]) => where === 'both' || where === own);
  pane.lastElementChild.replaceChildren(...shown.map(([where, text], i) =>
    where === 'both' ? document.createTextNode(shortened(text, i === 0, i === shown.length - 1)) : make(tag, '', text)));
}

function draw() {
  const v = props.value || {};
  if (!v.parts) { for (const pane of panes.children) pane.lastElementChild.textContent = ''; $('.counts').textContent = ''; return; }
  fill(panes.children[0], v.letters[v.left], 'left', 'del', v.parts);
  fill(panes.children[1], v.letters[v.right], 'right', 'ins', v.parts);
  const { both, left, right } = v.counts;
  $('.counts').textContent = left || right ? `${both} words in common · ${left} only in ${v.letters[v.left]} · ${right} only in ${v.letters[v.right]}` : 'Word for word the same.';
}

function render() {
  const v = props.value || {};
  box.hidden = !v.run;
  if (!v.run) { run = null; return; }
  if (v.run !== run) {
    run = v.run;
    sides.forEach((side, i) => {
      side.replaceChildren(...v.letters.map((letter, place) => new Option(letter, place)));
      side.value = i;
    });
    unfold(false);
  } else if (open() && !v.parts) ask();   // what is around the answers came anew: they may have been uncovered
  draw();
}

toggle.addEventListener('click', () => unfold(!open()));
sides.forEach((side) => side.addEventListener('change', ask));
only.addEventListener('change', draw);
function onKey(event) {
  if (!element.isConnected) { document.removeEventListener('keydown', onKey); return; }
  if (event.key !== 'd' || box.hidden || !element.offsetParent || !isCommand(event)) return;
  event.preventDefault(); unfold(!open());
  if (open()) box.scrollIntoView({ block: 'start' });   // the key is pressed wherever the page stands
}
document.addEventListener('keydown', onKey);
watch('value', render); render();
