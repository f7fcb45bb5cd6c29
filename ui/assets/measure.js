// What the parts of the Measure tab share: a budget that is agreed on, progress, results and what was measured before.
// A part calls `begin` with its kind and four functions; results are drawn into `.found`. Text always goes in as text.
const LOOK = 1000;  // milliseconds
const STATES = { running: 'running', done: 'done', stopped: 'stopped', failed: 'failed', interrupted: 'interrupted: the app ended' };
let part = null, isAdmin = true, offered = '', looking = 0, wanted = null, past = [], live = null, drawn = '';
const chosen = new Set();  // of what was measured before, at most two

const lasting = (seconds) => seconds < 100 ? `${Math.round(seconds)} s` : seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
const dollars = (cost) => cost === null ? 'cost not known: no prices are declared' : `about $${cost < 1 ? cost.toFixed(4) : cost.toFixed(2)}`;
const spent = (budget) => `up to ${some(budget.requests, 'request')} in at most ${lasting(budget.seconds)}, up to ${some(budget.tokens, 'token')}, ${dollars(budget.cost)}`;
const button = (text, act, kind = '') => { const made = make('button', kind, text); made.addEventListener('click', act); return made; };
const head = (text, scope = 'col') => { const made = make('th', '', text); made.scope = scope; return made; };
const listing = (kind, texts) => { const list = make('ul', kind); list.append(...texts.map((each) => make('li', '', each))); return list; };
function box(value, words, isOn = false) {  // to be chosen
  const label = make('label'), made = make('input'); made.type = 'checkbox'; made.value = value; made.checked = isOn;
  label.append(made, words); return label;
}
function prompt({ name, about }) { const words = make('span'); words.append(make('b', '', name), ...(about ? [' ', make('small', '', about)] : [])); return words; }
const whole = (name) => field(name).value === '' ? null : Number(field(name).value);
const wholes = (...names) => Object.fromEntries(names.map((name) => [name, whole(name)]));
const values = (selector) => [...element.querySelectorAll(`${selector} :checked`)].map((each) => each.value);
const link = (text, href, kind = '') => { const made = make('a', kind, text); made.href = href; return made; };

const said = (error) => { const line = $('.problem'); line.textContent = error ? inWords(error) : ''; line.hidden = !error; };
const tried = (act) => async (...given) => { said(null); try { await act(...given); } catch (error) { said(error); } };

// the address keeps which part is shown, and which measurements

const inAddress = (name) => window.address.of('measure')?.[name] || '';
const isShown = () => element.offsetParent !== null;
const isOurs = () => [part.kind, ''].includes(inAddress('part')) && !!window.address.of('measure');
const arrive = tried(async () => {
  const wanted = inAddress('part'), backend = inAddress('backend');
  if (wanted && wanted !== part.kind && window.address.open(wanted)) return;
  await overview(); look();
  if (backend) part.take?.(backend);
  await open(inAddress('measurement'), inAddress('beside'), true);
});

// where the keyboard goes on when what it was at is gone

function land() { const result = $('.result'); result.focus({ preventScroll: true }); result.scrollIntoView({ block: 'start' }); }
function turnBack(id = '') { ($(`.past [data-for="opens ${id}"]`) || $('.past .opens') || $('.plan [type=submit]')).focus(); }

// a budget, agreed on before anything is asked

const reckon = tried(async () => {
  const press = $('.plan [type=submit]');
  if (press.ariaBusy === 'true') return;
  press.ariaBusy = 'true';  // to count tokens takes a while
  try { await bid(); } finally { press.ariaBusy = 'false'; }
});
async function bid() {
  wanted = part.asked();
  const told = await ask(`measure/${part.kind}/budget`, wanted);
  wanted = { ...wanted, agreed: told.budget };
  $('.agree .what').textContent = told.title; $('.agree .takes').textContent = `It takes ${spent(told.budget)}.`;
  $('.agree').hidden = false; $('.agree button').focus();
}
const start = tried(async () => {
  if (!wanted) return;
  const asked = wanted; leave();
  const { id } = await ask(`measure/${part.kind}`, asked);
  await open(id); await overview(); look();
  if (live) $('.live .stop').focus(); else land();
});
function leave() { wanted = null; $('.agree').hidden = true; }
function decline() { leave(); $('.plan [type=submit]').focus(); }

// what runs, and what ran

function drawLive() {
  const bar = $('.live'), isHeld = bar.contains(document.activeElement); bar.hidden = !live;
  if (!live) { if (isHeld && !$('.result').hidden) land(); return; }
  const { budget } = live, share = Math.max(live.done / budget.requests, 0);
  bar.querySelector('strong').textContent = live.title;
  bar.querySelector('progress').value = Math.min(share, 1);
  bar.querySelector('.far').textContent = `${live.done.toLocaleString()} of up to ${some(budget.requests, 'request')} · ${lasting(live.seconds)} of at most ${lasting(budget.seconds)}`;
  bar.querySelector('button').hidden = !isAdmin;
}
function drawPast() {
  const list = $('.past ul'), told = JSON.stringify([past, [...chosen], inAddress('measurement'), isAdmin]);
  $('.past').hidden = !past.length; $('.empty').hidden = past.length > 0;
  if (list.dataset.told === told) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.for : '';
  list.dataset.told = told;
  list.replaceChildren(...past.map((each) => {
    const row = make('li'), pick = make('input'), opens = make('button', 'opens'), words = make('span', 'words');
    row.dataset.state = each.state; row.ariaCurrent = each.id === inAddress('measurement');
    pick.type = 'checkbox'; pick.checked = chosen.has(each.id); pick.ariaLabel = `Choose ${each.title} to compare`;
    pick.disabled = !pick.checked && chosen.size > 1; pick.dataset.for = `box ${each.id}`;
    pick.addEventListener('change', () => { pick.checked ? chosen.add(each.id) : chosen.delete(each.id); drawPast(); });
    words.append(make('strong', '', each.title), make('span', 'about', [
      moment(each.at), STATES[each.state], some(each.samples, 'sample'), each.seconds === null ? '' : lasting(each.seconds),
    ].filter(Boolean).join(' · ')));
    opens.append(words); opens.dataset.for = `opens ${each.id}`;
    opens.addEventListener('click', tried(async () => { await open(each.id); land(); }));
    row.append(pick, opens);
    if (isAdmin) {
      const drop = button('Delete', () => { if (drop.dataset.sure) remove(each.id); else { drop.dataset.sure = 'yes'; drop.textContent = 'Really delete?'; } }, 'drop');
      drop.ariaLabel = `Delete ${each.title}`; drop.dataset.for = `drop ${each.id}`;
      drop.addEventListener('blur', () => { drop.dataset.sure = ''; drop.textContent = 'Delete'; });
      row.append(drop);
    }
    return row;
  }));
  if (focused) [...list.querySelectorAll('[data-for]')].find((each) => each.dataset.for === focused)?.focus();
  $('.past .compare').disabled = chosen.size !== 2;
}
const remove = tried(async (id) => { await ask(`measurements/${id}/delete`, {}); chosen.delete(id); if (inAddress('measurement') === id) await open(''); await overview(); turnBack(); });
const compare = tried(async () => {  // the older one is the baseline
  const [newer, older] = past.filter((each) => chosen.has(each.id));
  await open(newer.id, older.id); land();
});

async function open(id, beside = '', replace = false) {
  if (!isOurs()) return;  // another tab was opened meanwhile
  window.address.say('measure', { part: part.kind, measurement: id, beside }, replace);
  await show(id, beside);
}
async function show(id, beside) {
  if (!id) { $('.result').hidden = true; drawn = ''; drawPast(); return; }
  const told = await ask(`measurements/${id}${beside ? `?beside=${beside}` : ''}`);
  if (inAddress('measurement') !== id || inAddress('beside') !== beside) return;  // another was opened meanwhile
  const now = JSON.stringify([told.result, told.beside, told.measurement.state, told.measurement.samples]);
  const isNew = drawn.slice(0, 65) !== `${id} ${beside}`.padEnd(65);
  if (isNew) $('.found').replaceChildren();
  if (drawn !== `${id} ${beside}`.padEnd(65) + now) {
    drawn = `${id} ${beside}`.padEnd(65) + now;
    const { measurement } = told, top = $('.result > header');
    const title = make('h3', '', beside ? `${measurement.title}, beside ${told.baseline.title}` : measurement.title);
    const links = make('nav'); links.ariaLabel = 'Data';
    links.append(link('Samples as CSV', `measurements/${id}.csv`), link('Summary as CSV', `measurements/${id}/summary.csv`), button(beside ? 'Close the comparison' : 'Close', tried(async () => { await open(beside ? id : ''); beside ? land() : turnBack(id); })));
    if (beside) links.prepend(button('Swap', tried(() => open(beside, id))));
    const state = make('p', 'state', [moment(measurement.at), STATES[measurement.state], measurement.problem].filter(Boolean).join(' · '));
    const isFocused = top.contains(document.activeElement) ? [...top.querySelectorAll('a, button')].indexOf(document.activeElement) : -1;
    top.replaceChildren(title, links, state);
    if (isFocused >= 0) top.querySelectorAll('a, button')[isFocused]?.focus();
    beside ? part.beside(told.beside, told) : part.draw(told.result, told);
  }
  $('.result').hidden = false; $('.result').dataset.state = told.measurement.state;
  drawPast();
}

async function overview() {
  const told = await ask(`measure/${part.kind}`);
  ({ admin: isAdmin, live, measurements: past } = told);
  const lanes = JSON.stringify(told.choices.backends || told.choices.lanes);
  if (!offered) part.offer(told.choices); else if (lanes !== offered) part.renew(told.choices);  // one was added meanwhile
  offered = lanes;
  element.querySelectorAll('.plan [type=submit]').forEach((each) => { each.disabled = !isAdmin; });
  $('.admins').hidden = isAdmin; $('.plan footer .hint').hidden = !isAdmin;
  drawLive(); drawPast();
}
function look() {
  clearTimeout(looking);
  if (!element.isConnected || !isShown()) return;
  looking = setTimeout(async () => {
    const id = inAddress('measurement');
    try {
      if (!document.hidden) await overview();
      if (id && $('.result').dataset.state === 'running' && !document.hidden) await show(id, inAddress('beside'));
    } catch { /* the page says when the app is gone */ }
    look();
  }, live || $('.result').dataset.state === 'running' ? LOOK : 5 * LOOK);
}

function begin(own) {
  part = own;
  const agree = make('div', 'agree'), running = make('div', 'live'), bar = make('progress'), result = make('section', 'result'), before = make('section', 'past');
  const problem = make('p', 'problem'), admins = make('p', 'admins', 'Only admins may begin a measurement, which takes the servers\' time and may cost money: ask one.');
  problem.role = 'alert'; agree.role = 'group'; agree.ariaLabel = 'Agree on the budget'; running.role = 'group'; running.ariaLabel = 'Being measured'; bar.max = 1; bar.ariaLabel = 'Progress';
  const takes = make('p'); takes.append(make('strong', 'what'), make('span', 'takes'));
  agree.append(takes, button('Start', start, 'primary'), button('Not now', decline));
  const stop = button('Stop', tried(async () => { await ask(`measurements/${live.id}/stop`, {}); await overview(); const id = inAddress('measurement'); if (id && !inAddress('beside')) await open(id); }), 'stop');
  running.append(make('strong'), stop, bar, make('span', 'far'));
  result.ariaLabel = 'Result'; result.tabIndex = -1; result.append(make('header'), $('.found'));
  const top = make('header'); top.append(make('h3', '', 'Measured before'), button('Compare the two chosen', compare, 'compare'));
  before.ariaLabel = 'Measured before'; before.append(top, make('ul'));
  [problem, admins, agree, running, result, before].forEach((each) => { each.hidden = true; });
  $('.plan footer').append(admins);
  $('.plan').after(problem, agree, running, result, before);
  const plan = $('.plan');
  plan.addEventListener('submit', (event) => { event.preventDefault(); reckon(); });
  plan.addEventListener('input', leave);
  agree.addEventListener('keydown', (event) => { if (event.key === 'Escape') decline(); });
  inTab('measure', arrive, () => clearTimeout(looking));
}
