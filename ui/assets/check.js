// Shows what each backend was found to do, asked for anew while the tab is in sight. Text goes in as text.
const SLOW = 5000, FAST = 700;
const ICONS = { passed: '✓', failed: '✕', doubtful: '?', skipped: '–' };
const CHANGES = { better: '▲ better', worse: '▼ worse', new: '＋ new', changed: '◆ changed' };
const act = (name, text, kind = '') => { const b = make('button', kind, text); b.dataset.act = name; return b; };
const table = $('table');
let state = { may: false, probes: [], backends: [] }, shape = '', seen = false, timer = 0, offered = '';
const columns = new Map();   // of each backend its parts, by name
const isRunning = (v) => v.progress?.state === 'running';

// asking the app

async function trying(work) {
  try { await work(); $('.wrong').hidden = true; }
  catch (error) { $('.wrong').hidden = false; say($('.wrong'), inWords(error)); }
}
async function look() {
  clearTimeout(timer);
  if (!seen || document.hidden || !element.isConnected) return;
  try { state = await ask('checks/state'); render(); } catch { /* the page says when the app is gone */ }
  clearTimeout(timer);
  timer = setTimeout(look, state.backends.some(isRunning) ? FAST : SLOW);
}
const start = (backends) => trying(async () => { await ask('checks/start', { backends, reference: field('like').value }); await look(); });
const stop = (backends) => trying(async () => { await ask('checks/stop', { backends }); await look(); });

// the matrix

function head(name) {
  const th = make('th'), top = make('div', 'who'), parts = { th };
  th.scope = 'col'; th.dataset.backend = name;
  top.append(make('strong', '', name), parts.kind = make('span', 'kind'));
  parts.bar = make('progress'); parts.bar.setAttribute('aria-label', `Check of ${name}`);
  parts.check = act('check', 'Check'); parts.check.ariaLabel = `Check ${name}`;
  parts.stop = act('stop', 'Stop'); parts.stop.ariaLabel = `Stop the check of ${name}`;
  parts.when = act('history', '', 'when'); parts.when.title = 'Earlier checks';
  parts.next = make('p', 'next'); parts.compare = make('a', '', 'Compare'); parts.measure = make('a', '', 'Measure');
  parts.measure.href = `?${new URLSearchParams({ tab: 'measure', part: 'load', backend: name })}`; parts.measure.ariaLabel = `Measure ${name} under load`;
  parts.next.append('Next: ', parts.compare, ' · ', parts.measure);
  const foot = make('div', 'does'); foot.append(parts.check, parts.stop);
  th.append(top, parts.sum = make('p', 'sum'), parts.when, parts.note = make('p', 'note'), parts.bar, foot, parts.next);
  parts.cells = new Map(); columns.set(name, parts); return th;
}
function cell(name, probe) {
  const td = make('td'), button = act('open', '', 'cell'); td.dataset.backend = name;
  button.dataset.probe = probe.name; button.dataset.backend = name; button.tabIndex = -1;
  const icon = make('i'); icon.ariaHidden = true; button.append(icon, make('b'), make('em')); td.append(button, make('span', 'none'));
  columns.get(name).cells.set(probe.name, td); return td;
}
function build() {
  columns.clear();
  const corner = make('th', 'corner', 'Probe'); corner.scope = 'col';
  table.tHead.rows[0].replaceChildren(corner, ...state.backends.map((v) => head(v.name)));
  table.tBodies[0].replaceChildren(...state.probes.map((probe) => {
    const row = make('tr'), th = make('th', '', probe.title); th.scope = 'row';
    row.append(th, ...state.backends.map((v) => cell(v.name, probe))); return row;
  }));
  const first = element.querySelector('.cell'); if (first) first.tabIndex = 0;
  const one = field('one'), like = field('like'), before = like.value, names = state.backends.map((v) => v.name);
  const shown = [one.value, wanted(), ...names].find((name) => names.includes(name)) || '';
  one.replaceChildren(...names.map((name) => new Option(name, name))); one.value = shown;
  like.replaceChildren(new Option('no other', ''), ...state.backends.filter((v) => v.declared).map((v) => new Option(v.name, v.name)));
  like.value = names.includes(before) ? before : '';
  alone();
}
function count(cells) {
  const counts = { failed: 0, doubtful: 0, passed: 0, skipped: 0 };
  for (const { verdict } of Object.values(cells)) counts[verdict] += 1;
  return Object.entries(counts).filter(([, number]) => number);
}
function drawHead(v) {
  const parts = columns.get(v.name), { last, progress } = v, running = isRunning(v), cells = progress ? progress.cells : last?.cells;
  parts.th.toggleAttribute('data-running', running);
  say(parts.kind, [v.title, v.model, v.artifact].filter(Boolean).join(' · '));
  parts.sum.replaceChildren(...count(cells || {}).map(([verdict, number]) => {
    const chip = make('span', 'chip', `${ICONS[verdict]} ${number} ${verdict}`); chip.dataset.verdict = verdict; return chip;
  }));
  parts.when.hidden = !last;
  if (last) say(parts.when, [moment(last.at), last.version].filter(Boolean).join('\n'));
  const done = Object.keys(progress?.cells || {}).length, broke = { stopped: 'Stopped', failed: 'Broke', interrupted: 'Cut off as the app ended,' }[progress?.state];
  const notes = [
    running && (progress.problem ? `Can't be stored just now: ${progress.problem}` : `${done} of ${progress.of} probes`),
    broke && `${broke} after ${done} of ${progress.of} probes. ${progress.problem}`,
    !progress && last?.otherwise && 'Declared otherwise since then: check it again.',
    !v.declared && 'Not declared here: its check was imported.',
    v.declared && !last && !progress && 'Not checked yet.',
  ];
  say(parts.note, notes.filter(Boolean).join(' '));
  parts.bar.hidden = !running; if (running) { parts.bar.max = progress.of; parts.bar.value = done; }
  parts.check.hidden = running || !v.declared || !state.may; parts.stop.hidden = !running || !state.may;
  say(parts.check, last ? 'Check again' : 'Check');
  parts.next.hidden = !v.declared || !last || running;
  const other = state.backends.find((each) => each.declared && each.reach === 'ready' && each !== v), lanes = [v, other].filter(Boolean).map((each) => encodeURIComponent(each.name));
  parts.compare.href = `?${new URLSearchParams({ lanes })}`; parts.compare.ariaLabel = other ? `Compare ${v.name} with ${other.name}` : `Ask ${v.name} a prompt`;
}
function drawCell(td, found, pending) {
  const [button, none] = td.children;
  button.hidden = !found; none.hidden = Boolean(found);
  if (!found) { say(none, pending ? 'waiting …' : ''); return; }
  button.dataset.verdict = found.verdict; say(button.children[0], ICONS[found.verdict]); say(button.children[1], found.verdict);
  const change = button.children[2]; change.dataset.change = found.change; change.hidden = !found.change; say(change, CHANGES[found.change] || '');
}
function render() {
  const now = JSON.stringify([state.probes, state.backends.map((v) => [v.name, v.declared])]);
  if (now !== shape) { shape = now; build(); }
  for (const v of state.backends) {
    drawHead(v);
    const cells = v.progress ? v.progress.cells : v.last?.cells || {};
    for (const [probe, td] of columns.get(v.name).cells) drawCell(td, cells[probe], isRunning(v));
  }
  const running = state.backends.filter(isRunning), idle = state.backends.filter((v) => v.declared && !isRunning(v));
  $('[data-act=all]').hidden = !state.may || idle.length === 0; $('[data-act=stop-all]').hidden = !state.may || running.length === 0;
  $('.like').hidden = !state.may || state.backends.filter((v) => v.declared).length < 2;
  $('.files').hidden = !state.backends.some((v) => v.last);
  $('.empty').hidden = state.backends.some((v) => v.last || v.progress);
  say($('.empty span'), state.may ? 'Press Check below a backend, or Check all: the questions are small, and each backend takes a minute or more.' : 'Only admins may begin a check: ask one.');
  say($('.news'), running.length ? `Checking ${running.map((v) => v.name).join(', ')}` : '');
  offer();
}

// one backend alone, in a narrow window

function alone() {
  const name = field('one').value;
  for (const each of table.querySelectorAll('[data-backend]')) if (each.localName !== 'button') each.toggleAttribute('data-one', each.dataset.backend === name);
}
field('one').addEventListener('change', alone);

// what the address asks for: a backend in view, and the offer to check it

const wanted = () => window.address.of('check')?.backend || '';
function offer() {
  const name = wanted(), v = state.backends.find((each) => each.name === name);
  $('.offer').hidden = !name || offered === `not ${name}` || (v && isRunning(v));
  for (const [each, parts] of columns) parts.th.toggleAttribute('data-wanted', each === name);
  if ($('.offer').hidden) return;
  const go = $('[data-act=offered]'); go.hidden = !v?.declared || !state.may; go.dataset.backend = name;
  say(go, v?.last ? `Check ${name} again` : `Check ${name} now`);
  say($('.offer p'), !v ? `There is no backend ${name} here: restart the app if it was just added.`
    : v.last ? `${name} was checked last on ${moment(v.last.at)}.`
      : `${name} is not checked yet. It will be asked a few small questions, which take a minute or more; nothing was asked so far.`);
  if (offered === name || !v) return;
  offered = name; field('one').value = name; alone();
  columns.get(name).th.scrollIntoView({ block: 'nearest', inline: 'center' });
}

// what one probe found

function piece(title, text) {
  const pre = make('pre', '', text); pre.tabIndex = 0; pre.setAttribute('role', 'region'); pre.ariaLabel = title;
  return [make('h3', '', title), pre];
}
const readable = (text) => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
function show(title, ...parts) { say($('#check-title'), title); $('.found .body').replaceChildren(...parts); if (!sheet.open) sheet.showModal(); }
function verdict(v) {
  const made = make('p', 'verdict'), icon = make('i', '', ICONS[v.verdict]); icon.ariaHidden = true;
  made.dataset.verdict = v.verdict; made.append(icon, make('b', '', v.verdict)); return made;
}
async function open(backend, probe) {
  const v = state.backends.find((each) => each.name === backend), live = Boolean(v.progress);
  const title = `${state.probes.find((each) => each.name === probe).title} · ${backend}`;
  show(title, make('p', '', 'Looking it up …'));
  try {
    const found = await ask(`checks/finding?${new URLSearchParams({ backend, probe, live })}`);
    const parts = [verdict(found), make('p', 'words', found.said)];
    if (found.advice) { const advice = make('p', 'advice', found.advice); advice.prepend(make('b', '', 'What to change: ')); parts.push(advice); }
    const took = `took ${found.seconds.toLocaleString([], { maximumFractionDigits: 1 })} s`;
    parts.push(make('p', 'when', found.at ? `Checked ${moment(found.at)}, ${took}` : `Just now, ${took}`));
    if (found.before) parts.push(make('p', 'before', `The check before, ${moment(found.before.at)}: ${found.before.verdict}. ${found.before.said}`));
    found.exchanges.forEach(({ sent, came }, i, { length }) => {
      const which = length > 1 ? ` (${i + 1} of ${length})` : '';
      parts.push(...piece(`Sent${which}`, readable(sent)), ...piece(`Came back${which}`, came || '(nothing)'));
    });
    if (!found.exchanges.length) parts.push(make('p', 'none', 'Nothing was sent for this.'));
    show(title, ...parts);
  } catch (error) { show(title, make('p', '', inWords(error))); }
}
async function past(backend) {
  const title = `Checks of ${backend}`;
  show(title, make('p', '', 'Looking them up …'));
  try {
    const list = make('ol', 'past');
    list.append(...(await ask(`checks/history?${new URLSearchParams({ backend })}`)).map((one) => {
      const row = make('li'), link = make('a', '', 'JSON');
      link.href = `checks.json?check=${one.id}`; link.download = ''; link.ariaLabel = `The check of ${moment(one.at)} as JSON`;
      row.append(make('time', '', moment(one.at)), make('span', '', one.version), make('b', '', one.failed ? `${one.failed} failed` : 'nothing failed'), link); return row;
    }));
    show(title, list);
  } catch (error) { show(title, make('p', '', inWords(error))); }
}

// acts

const acts = {
  check: (button) => start([button.closest('th').dataset.backend]),
  stop: (button) => stop([button.closest('th').dataset.backend]),
  all: () => start(state.backends.filter((v) => v.declared).map((v) => v.name)),
  'stop-all': () => stop(state.backends.filter(isRunning).map((v) => v.name)),
  offered: (button) => { offered = `not ${button.dataset.backend}`; start([button.dataset.backend]); },
  dismiss: () => { offered = `not ${wanted()}`; offer(); },
  history: (button) => past(button.closest('th').dataset.backend),
  open: (button) => open(button.dataset.backend, button.dataset.probe),
};
element.addEventListener('click', (event) => { const button = event.target.closest('button[data-act]'); acts[button?.dataset.act]?.(button); });

// Tab stops at one cell; the arrows go to the others
table.addEventListener('keydown', (event) => {
  const from = event.target.closest('.cell'), step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!from || !step) return;
  event.preventDefault();
  let [row, column] = [from.closest('tr').sectionRowIndex, from.closest('td').cellIndex];
  for (;;) {
    row += step[0]; column += step[1];
    const to = column > 0 && table.tBodies[0].rows[row]?.cells[column]?.querySelector('.cell');
    if (!to) return;
    if (to.offsetParent) { to.focus(); return; }
  }
});
table.addEventListener('focusin', ({ target }) => {
  if (!target.matches('.cell')) return;
  for (const each of table.querySelectorAll('.cell[tabindex="0"]')) each.tabIndex = -1;
  target.tabIndex = 0;
});

inTab('check', () => { seen = true; look(); }, () => { seen = false; offered = ''; });
document.addEventListener('visibilitychange', look);
