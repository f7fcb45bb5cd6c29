// Plays a stored comparison again. The page says where it stands and how fast it goes; the server sends the frames of that.
const PAUSE = 60, STEP = 1e6, SPEEDS = [[1, '1×'], [2, '2×'], [4, '4×'], [0, 'Instant']];   // ms; microseconds; 0 is no time at all
const welcomed = !new URL(location).searchParams.has('run');   // nobody asked for a certain comparison
const seek = $('.seek'), button = $('.play');
const lanes = () => document.getElementById('lanes');
let run = '', end = 0, at = 0, since = 0, speed = 0, chosen = 1, fresh = true, told = 0, waiting = 0, more = false;

const now = () => Math.min(end, at + speed * (performance.now() - since) * 1000);
const seconds = (us) => `${(us / 1e6).toFixed(1)} s`;

function go(to, pace) {
  at = Math.max(0, Math.min(end, to)); speed = at < end ? pace : 0; since = performance.now();
  tell(); tick();
}
// the first word at once, then one in a while, the last one always
function tell() {
  if (waiting) { more = true; return; }
  trigger('control', { run, at: Math.round(now()), speed, number: ++told });
  waiting = setTimeout(() => { waiting = 0; if (more) { more = false; tell(); } }, PAUSE);
}
function toggle() {
  if (speed) go(now(), 0);
  else if (!chosen) go(end, 0);
  else go(now() < end ? now() : 0, chosen);
}
function choose(pace) {
  chosen = pace;
  if (!pace) go(end, 0); else if (speed) go(now(), pace);
  draw();
}

function tick() {
  draw();
  if (!speed) return;
  if (now() < end) requestAnimationFrame(tick); else { at = end; speed = 0; draw(); }
}
function draw() {
  const here = now();
  seek.value = here; seek.style.setProperty('--done', `${end ? 100 * here / end : 0}%`);
  seek.setAttribute('aria-valuetext', `${seconds(here)} of ${seconds(end)}`);
  $('.time').textContent = `${(here / 1e6).toFixed(1)} / ${seconds(end)}`;
  $('.player').classList.toggle('playing', speed > 0);
  button.setAttribute('aria-label', speed ? 'Pause' : here < end ? 'Play' : 'Play again');
  button.title = `${button.getAttribute('aria-label')} (space)`;
  [...$('.speeds').children].forEach((each, i) => each.setAttribute('aria-pressed', String(SPEEDS[i][0] === chosen)));
  document.body.classList.toggle('replaying', end > 0 && here < end);   // nothing of what is shown can be stopped or answered
}

// where each lane's first token and its end are
function marks(each) {
  $('.marks').replaceChildren(...each.flatMap(({ letter, first, end: last }) =>
    [[first, 'first', `${letter}: first token`], [last, 'last', `${letter}: end`]].filter(([when]) => when !== null).map(([when, kind, name]) => {
      const mark = make('i', kind); mark.style.left = `${100 * when / end}%`; mark.title = `${name}, ${seconds(when)}`;
      return mark;
    })));
}

function render() {
  const v = props.value || {};
  $('.player').hidden = !v.run;
  if (v.run !== run || v.end !== end) { run = v.run || ''; end = v.end || 0; at = end; speed = 0; }
  for (const each of element.querySelectorAll('button, input')) each.disabled = !end;
  seek.max = end || 1; $('.said').textContent = v.said || '';
  marks(end ? v.lanes : []); draw();
  if (!end) return;
  if (v.welcome && welcomed && fresh && !matchMedia('(prefers-reduced-motion: reduce)').matches) go(0, 1);
  fresh = false;
}

$('.speeds').replaceChildren(...SPEEDS.map(([pace, name]) => {
  const each = make('button', '', name);
  // a click leaves the keyboard with the page: Space is to play, not to press this once more
  each.addEventListener('click', (event) => { if (event.detail) each.blur(); choose(pace); });
  return each;
}));
button.addEventListener('click', toggle);
seek.addEventListener('input', () => go(+seek.value, speed));
element.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
  if (!step || !end) return;
  event.preventDefault(); go(now() + step, speed);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== ' ' || !end || !element.offsetParent || event.ctrlKey || event.metaKey || event.altKey) return;
  if (![document.body, lanes(), seek].includes(event.target)) return;
  event.preventDefault(); toggle();
});
watch('value', render); render();
