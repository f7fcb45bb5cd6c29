// What the parts of the Measure tab share: a budget that is agreed on, progress, results and what was measured before.
// A part calls `begin` with its kind and four functions; results are drawn into `.found`. Text always goes in as text.
const LOOK = 1000;  // milliseconds
const ADDRESS = ['tab', 'part', 'measurement', 'beside'];
const STATES = { running: 'running', done: 'done', stopped: 'stopped', failed: 'failed', interrupted: 'interrupted: the app ended' };
let part = null, isAdmin = true, offered = '', looking = 0, wanted = null, past = [], live = null, drawn = '', wasShown = false;
const chosen = new Set();  // of what was measured before, at most two

const some = (number, word) => `${number.toLocaleString()} ${word}${number === 1 ? '' : 's'}`;
const lasting = (seconds) => seconds < 100 ? `${Math.round(seconds)} s` : seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
const dollars = (cost) => cost === null ? 'cost not known: no prices are declared' : `about $${cost < 1 ? cost.toFixed(4) : cost.toFixed(2)}`;
const spent = (budget) => `up to ${some(budget.requests, 'request')} in at most ${lasting(budget.seconds)}, up to ${some(budget.tokens, 'token')}, ${dollars(budget.cost)}`;
const button = (text, act, kind = '') => { const made = make('button', kind, text); made.type = 'button'; made.addEventListener('click', act); return made; };
const link = (text, href, kind = '') => { const made = make('a', kind, text); made.href = href; return made; };

async function ask(address, body) {
  const answer = await fetch(address, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(typeof told.detail === 'string' ? told.detail : 'The app did not understand this.');
  return told;
}
const said = (error) => { const line = $('.problem'); line.textContent = error ? error instanceof TypeError ? 'The app does not answer.' : error.message : ''; line.hidden = !error; };
const tried = (act) => async (...given) => { said(null); try { await act(...given); } catch (error) { said(error); } };

// the address keeps which part is shown, and which measurements

const here = () => new URLSearchParams(location.search);
const isOurs = () => here().get('tab') === 'measure' && (here().get('part') || 'load') === part.kind;
const isShown = () => element.offsetParent !== null;
function go(measurement, beside) {
  const to = new URL(location), now = { tab: 'measure', part: part.kind, measurement, beside };
  ADDRESS.forEach((name) => now[name] ? to.searchParams.set(name, now[name]) : to.searchParams.delete(name));
  if (to.href !== location.href) history[here().get('tab') === 'measure' ? 'replaceState' : 'pushState']({}, '', to);
}
function gone() {  // another tab is shown, which may have an address of its own
  const to = new URL(location), wasOurs = isOurs();
  if (!wasOurs && here().get('tab') === 'measure') return;  // another part's
  ADDRESS.forEach((name) => { if (name !== 'tab' || wasOurs) to.searchParams.delete(name); });
  if (to.href !== location.href) history[wasOurs ? 'pushState' : 'replaceState']({}, '', to);
}
const inAddress = (name) => isOurs() ? here().get(name) || '' : '';
const tabNamed = (name) => [...document.querySelectorAll('button[role=tab]')].find((each) => each.textContent.trim() === name);
function back() {
  if (!element.isConnected) { removeEventListener('popstate', back); return; }
  if (isOurs()) { if (!isShown()) tabNamed('Measure')?.click(); open(inAddress('measurement'), inAddress('beside')); }
}

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
});
function leave() { wanted = null; $('.agree').hidden = true; }

// what runs, and what ran

function drawLive() {
  const bar = $('.live'); bar.hidden = !live;
  if (!live) return;
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
    const row = make('li'), box = make('input'), opens = make('button', 'opens'), words = make('span', 'words'), at = new Date(each.at);
    row.dataset.state = each.state; row.ariaCurrent = each.id === inAddress('measurement');
    box.type = 'checkbox'; box.checked = chosen.has(each.id); box.ariaLabel = `Choose ${each.title} to compare`;
    box.disabled = !box.checked && chosen.size > 1; box.dataset.for = `box ${each.id}`;
    box.addEventListener('change', () => { box.checked ? chosen.add(each.id) : chosen.delete(each.id); drawPast(); });
    words.append(make('strong', '', each.title), make('span', 'about', [
      at.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }), STATES[each.state], some(each.samples, 'sample'), each.seconds === null ? '' : lasting(each.seconds),
    ].filter(Boolean).join(' · ')));
    opens.type = 'button'; opens.append(words); opens.dataset.for = `opens ${each.id}`;
    opens.addEventListener('click', tried(() => open(each.id)));
    row.append(box, opens);
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
const remove = tried(async (id) => { await ask(`measurements/${id}/delete`, {}); chosen.delete(id); if (inAddress('measurement') === id) await open(''); await overview(); });
const compare = tried(() => {  // the older one is the baseline
  const [newer, older] = past.filter((each) => chosen.has(each.id));
  return open(newer.id, older.id);
});

async function open(id, beside = '') {
  go(id, beside);
  if (!id) { $('.result').hidden = true; drawn = ''; drawPast(); return; }
  const told = await ask(`measurements/${id}${beside ? `?beside=${beside}` : ''}`);
  if (inAddress('measurement') !== id || inAddress('beside') !== beside) return;  // another was opened meanwhile
  const now = JSON.stringify([told.result, told.beside, told.measurement.state, told.measurement.samples]);
  const isNew = drawn.slice(0, 65) !== `${id} ${beside}`.padEnd(65);
  if (isNew) $('.found').replaceChildren();
  if (drawn !== `${id} ${beside}`.padEnd(65) + now) {
    drawn = `${id} ${beside}`.padEnd(65) + now;
    const { measurement } = told, head = $('.result > header');
    const title = make('h3', '', beside ? `${measurement.title}, beside ${told.baseline.title}` : measurement.title);
    const links = make('nav'); links.ariaLabel = 'Data';
    links.append(link('Samples as CSV', `measurements/${id}.csv`), link('Summary as CSV', `measurements/${id}/summary.csv`), button(beside ? 'Close the comparison' : 'Close', tried(() => open(beside ? id : ''))));
    if (beside) links.prepend(button('Swap', tried(() => open(beside, id))));
    const state = make('p', 'state', [new Date(measurement.at).toLocaleString(), STATES[measurement.state], measurement.problem].filter(Boolean).join(' · '));
    const isFocused = head.contains(document.activeElement) ? [...head.querySelectorAll('a, button')].indexOf(document.activeElement) : -1;
    head.replaceChildren(title, links, state);
    if (isFocused >= 0) head.querySelectorAll('a, button')[isFocused]?.focus();
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
      if (id && $('.result').dataset.state === 'running' && !document.hidden) await open(id, inAddress('beside'));
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
  agree.append(takes, button('Start', start, 'primary'), button('Not now', leave));
  const stop = button('Stop', tried(async () => { await ask(`measurements/${live.id}/stop`, {}); await overview(); const id = inAddress('measurement'); if (id && !inAddress('beside')) await open(id); }), 'stop');
  running.append(make('strong'), stop, bar, make('span', 'far'));
  result.ariaLabel = 'Result'; result.append(make('header'), $('.found'));
  const head = make('header'); head.append(make('h3', '', 'Measured before'), button('Compare the two chosen', compare, 'compare'));
  before.ariaLabel = 'Measured before'; before.append(head, make('ul'));
  [problem, admins, agree, running, result, before].forEach((each) => { each.hidden = true; });
  $('.plan footer').append(admins);
  $('.plan').after(problem, agree, running, result, before);
  const plan = $('.plan');
  plan.addEventListener('submit', (event) => { event.preventDefault(); reckon(); });
  plan.addEventListener('input', leave);
  agree.addEventListener('keydown', (event) => { if (event.key === 'Escape') { leave(); plan.querySelector('[type=submit]')?.focus(); } });
  addEventListener('popstate', back);
  new IntersectionObserver(tried(async () => {
    if (!isShown()) { clearTimeout(looking); setTimeout(() => { if (wasShown && !isShown()) { wasShown = false; gone(); } }); return; }
    wasShown = true;
    if (!isOurs()) go('', '');
    await overview(); look();
    if (inAddress('measurement') && $('.result').hidden) await open(inAddress('measurement'), inAddress('beside'));
  })).observe(element);
}
