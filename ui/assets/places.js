// One lane alone, always in a narrow window, and in a wide one when asked to: this chooses which, of as many as there are.
const LETTERS = 'ABCDEF', narrow = matchMedia('(max-width: 640px)'), nav = $('.places');
let shown = 'A', asked = false;
const letters = () => [...LETTERS.slice(0, props.value || 0)];
const press = (button, on) => button.setAttribute('aria-pressed', on ? 'true' : 'false');

function show(letter, alone) {
  shown = letter; asked = alone;
  if (letters().length && (asked || narrow.matches)) nav.dataset.alone = shown; else delete nav.dataset.alone;
  for (const b of nav.children) press(b, b.textContent === shown);
  for (const b of document.querySelectorAll('#lanes [data-act=focus]')) press(b, asked && b.closest('.lane').id === `lane-${shown}`);
  // the switch goes, the keyboard does not
  if (!nav.dataset.alone && nav.contains(document.activeElement)) document.querySelector(`#lane-${shown} [data-act=focus]`)?.focus();
}

function render() {
  nav.replaceChildren(...letters().map((letter) => {
    const b = make('button', '', letter); b.addEventListener('click', () => show(letter, asked)); return b;
  }));
  show(letters().includes(shown) ? shown : 'A', asked);
}

// `f` goes from lane to lane and back to all
function next() {
  const after = letters()[letters().indexOf(shown) + 1];
  if (narrow.matches) show(after || 'A', asked); else if (asked) show(after || 'A', !!after); else show(shown, true);
}
addEventListener('alone', ({ detail: letter }) => show(letter, !(asked && shown === letter)));
document.addEventListener('keydown', (event) => {
  if (!document.getElementById('lanes')?.offsetParent || !isCommand(event)) return;
  if (event.key === 'Escape' && asked) show('A', false); else if (event.key === 'f') next(); else return;
  event.preventDefault();
});
narrow.addEventListener('change', () => show(shown, asked));
watch('value', render); render();
