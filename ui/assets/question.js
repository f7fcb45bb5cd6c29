// Shows what was asked: the turns of the conversation so far, the text, the images. Text goes in as text.
const linked = new URL(location).searchParams.has('run'), tight = matchMedia('(max-width: 1100px), (max-height: 800px)');
const shown = document.getElementById('shown');
let run = '';

// A tight window has no room for the composer above the answers that somebody comes for. Who comes first, and is shown
// what nobody asked for, comes to ask.
function come(v) {
  if (!shown || !tight.matches || !(linked || run || !v.shipped)) return;
  shown.dataset.come = '';
  requestAnimationFrame(() => shown.scrollIntoView());   // what comes with it, above, stands then too
}

// of a long text, the first lines, until all of it is asked for
const asked = $('.asked'), whole = $('.whole');
function unfold(all) {
  asked.toggleAttribute('data-whole', all);
  whole.setAttribute('aria-expanded', all); whole.textContent = all ? 'Show less' : 'Show all';
}
function measure() { whole.hidden = !asked.hasAttribute('data-whole') && asked.scrollHeight <= asked.clientHeight + 1; }
whole.addEventListener('click', () => unfold(!asked.hasAttribute('data-whole')));
new ResizeObserver(measure).observe(asked);

function render() {
  const v = props.value || {};
  $('.question').hidden = !v.run; $('.question').dataset.run = v.run || '';
  document.getElementById('lanes')?.toggleAttribute('data-sealed', !!v.sealed);
  if (!v.run) { delete shown?.dataset.come; return; }
  $('.thread').hidden = v.thread.length < 2;
  $('.thread').replaceChildren(...v.thread.map((turn, i) => {
    const a = make('a', '', `${i + 1}. ${turn.title}`); a.href = `?run=${encodeURIComponent(turn.id)}`;
    if (turn.id === v.run) a.setAttribute('aria-current', 'true');
    return a;
  }));
  if (v.run !== run) unfold(false);
  asked.textContent = v.text; measure();
  $('.images').replaceChildren(...v.images.map(({ src, width, height }, i) => {
    const link = make('a'); link.href = src; link.target = '_blank';
    const img = make('img'); img.src = src; img.width = width; img.height = height; img.alt = `Image ${i + 1}, ${width} × ${height}`;
    link.append(img); return link;
  }));
  $('.more').hidden = !v.more; $('.more summary').textContent = v.about || ''; $('.more pre').textContent = v.more || '';
  if (v.run !== run) come(v);
  run = v.run;
}
watch('value', render); render();
