// In a narrow window one answer is shown at a time: this chooses which.
const nav = $('.places'), lanes = () => document.getElementById('lanes');
let run = null;
function choose(letter) {
  lanes().dataset.shown = letter;
  for (const b of nav.children) b.setAttribute('aria-pressed', b.textContent === letter ? 'true' : 'false');
}
function render() {
  const v = props.value || {};
  nav.hidden = !v.run;
  if (!v.run || v.run === run) return;
  run = v.run;
  nav.replaceChildren(...v.letters.map((letter) => {
    const b = make('button', '', letter); b.type = 'button'; b.addEventListener('click', () => choose(letter)); return b;
  }));
  choose('A');
}
watch('value', render); render();
