// Lists stored comparisons. What is searched and filtered stands in the address; a list is what its address says.
const NAMES = ['q', 'backend', 'artifact', 'effort', 'flag', 'rated', 'by', 'tag', 'origin', 'from', 'to'];
const MOST = 6, LETTERS = 'ABCDEF';
const chosen = new Map();  // rows by id, in the order chosen
let typed = false, pending = 0, asked = 0;
let shown = null;  // the list, of what was asked for last

// the address

const of = (names) => Object.fromEntries(NAMES.map((name) => [name, names?.[name] || '']));
const inAddress = () => of(window.address.of('history'));
const keep = (filter, replace) => window.address.say('history', of(filter), replace);
const leave = () => window.address.say('compare', {});   // the app shows it then
const dayOf = (text, more) => {  // a day begins and ends by this clock
  const [year, month, day] = text.split('-').map(Number), at = new Date(year, month - 1, day + more);
  return text && !isNaN(at) ? at.toISOString() : '';
};
const request = (filter) => ({ filter, since: dayOf(filter.from, 0), until: dayOf(filter.to, 1) });
function load(before = '') {
  trigger('find', { ...request(inAddress()), before, number: ++asked });
}
function find(filter, typing = false) {
  keep(filter, typing && typed); typed = typing;
  $('.queue').hidden = true;
  load();
}

const isShown = () => element.offsetParent !== null;
inTab('history', () => { typed = false; load(); });
function back() {   // to another comparison
  if (!element.isConnected) { removeEventListener('popstate', back); return; }
  const run = new URLSearchParams(location.search).get('run') || '', current = document.querySelector('#run textarea')?.value;
  if (window.address.of('compare') && run && run !== current) trigger('open', { run });
}
addEventListener('popstate', back);

// acts

const fields = () => Object.fromEntries(NAMES.map((name) => [name, field(name).value.trim()]));
function open(run) { leave(); trigger('open', { run }); }
const acts = {
  filters: (button) => { const isOpen = $('.filters').toggleAttribute('data-open'); button.setAttribute('aria-expanded', isOpen); },
  clear: () => find({}),
  newest: () => { load(); scrollTo({ top: 0 }); },
  older: () => { load(shown.next); scrollTo({ top: 0 }); },
  count: () => trigger('count', request(inAddress())),
  dismiss: () => { $('.queue').hidden = true; $('[data-act=count]').focus(); },
  export: openExport,
  stop: stopExport,
  leave: () => { panel().hidden = true; $('[data-act=export]').focus(); },
  unchoose: () => { chosen.clear(); drawChosen(); },
};
element.addEventListener('click', (event) => {
  const row = event.target.closest('a[data-run]'), button = event.target.closest('button[data-act]');
  if (row && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(row.dataset.run); }
  if (button) acts[button.dataset.act](button);
});
element.addEventListener('change', (event) => {
  if (event.target.matches('.filters [name]')) find(fields());
  if (event.target.matches('.choose')) choose(event.target);
  if (event.target.matches('.picks input')) drawChosen(false);
});
$('[name=q]').addEventListener('input', () => { clearTimeout(pending); pending = setTimeout(() => find(fields(), true), 300); });
$('.seek').addEventListener('submit', (event) => { event.preventDefault(); clearTimeout(pending); find(fields(), true); });
$('.queue').addEventListener('submit', (event) => {
  event.preventDefault();
  trigger('enqueue', { ...request(inAddress()), overlap: Number(field('overlap').value) });
});
$('.export').addEventListener('submit', (event) => { event.preventDefault(); startExport(); });
$('.export').addEventListener('change', () => { if (making?.state !== 'running') making = null; drawExport(); });
$('.chosen').addEventListener('submit', (event) => {
  event.preventDefault();
  const lanes = [...element.querySelectorAll('.picks input:checked')].map((pick) => [pick.dataset.run, Number(pick.value)]);
  leave(); trigger('combine', { lanes }); chosen.clear(); drawChosen();
});

// keys: / searches, j and k or the arrows move, x chooses; Enter opens, as a link does

function press(event) {
  if (!element.isConnected) { removeEventListener('keydown', press); return; }
  if (!isShown() || event.ctrlKey || event.metaKey || event.altKey) return;
  const inField = event.target.matches?.('input:not([type=checkbox]), select, textarea');
  const links = [...element.querySelectorAll('a[data-run]')], at = links.indexOf(event.target.closest?.('li')?.querySelector('a'));
  const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  const leaves = event.key === 'ArrowDown' && event.target === field('q');
  if (event.key === '/' && !inField) { field('q').focus(); field('q').select(); }
  else if (move && links.length && (!inField || leaves)) links[Math.max(0, Math.min(links.length - 1, at + move))].focus();
  else if (event.key === 'x' && !inField && at >= 0) links[at].parentElement.querySelector('.choose')?.click();
  else return;
  event.preventDefault();
}
addEventListener('keydown', press);

// choosing lanes of two rows

function choose(box) {
  const row = shown.rows.find((each) => each.id === box.value);
  box.checked ? chosen.set(box.value, row) : chosen.delete(box.value);
  if (chosen.size > 2) chosen.delete([...chosen.keys()][0]);
  drawChosen();
}
function pick(row, lane, number, checked) {
  const label = make('label'), box = make('input'); box.type = 'checkbox'; box.value = lane.position; box.dataset.run = row.id; box.checked = checked;
  label.append(box, make('b', '', `${number} ${lane.letter}`), ` ${lane.label}`);
  return label;
}
function drawChosen(anew = true) {
  const rows = [...chosen.values()], isOne = new Set(rows.map((row) => row.prompt)).size <= 1, ready = rows.length === 2 && isOne;
  $('.chosen').hidden = rows.length === 0;
  element.querySelectorAll('.choose').forEach((box) => { box.checked = chosen.has(box.value); });
  const offered = new Set(), isNew = ({ answer }) => !offered.has(answer) && offered.add(answer);  // both may have taken one over
  if (anew) $('.picks').replaceChildren(...(ready ? rows.flatMap((row, index) => row.lanes.filter(isNew).map((lane) => pick(row, lane, index + 1, offered.size <= MOST))) : []));
  const picks = element.querySelectorAll('.picks input:checked').length, fits = picks >= 2 && picks <= MOST;
  $('.chosen .said').textContent = rows.length < 2 ? 'Choose a second comparison of the same prompt.'
    : !isOne ? 'These ask different prompts: only lanes of one prompt can stand side by side.'
      : fits ? `${picks} lanes, none of them asked again:` : `Choose 2 to ${MOST} lanes:`;
  $('.chosen [type=submit]').disabled = !ready || !fits;
}

// drawing; text goes in as text

function chip(kind, letters, text, title) { const made = make('span', kind, text); made.prepend(make('em', '', letters)); made.title = title; return made; }
function group(kind, parts) { const made = make('div', kind); made.append(...parts); return made; }
function laneChip(lane) { const made = chip('chip', lane.letter, lane.label, lane.state); made.dataset.state = lane.state; return made; }
function snippet(v) {
  const made = make('p', 'snippet'); made.append(make('em', '', v.where));
  v.pieces.forEach(([text, hit]) => made.append(make(hit ? 'mark' : 'span', '', text)));
  return made;
}
function line(v) {
  const item = make('li'), a = make('a'), box = make('input', 'choose');
  a.href = `?run=${encodeURIComponent(v.id)}`; a.dataset.run = v.id;
  box.type = 'checkbox'; box.value = v.id; box.disabled = v.sealed; box.setAttribute('aria-label', `Choose ${v.title}`);
  box.title = v.sealed ? 'Rate it first: until then its lanes stay hidden.' : 'Choose two of one prompt to compare their lanes';
  const main = group('main', [make('strong', '', v.title || 'no text'), ...v.snippets.map(snippet)]);
  main.append(v.sealed ? group('lanes', [make('span', 'chip blind', 'blind until you rate it')]) : group('lanes', v.lanes.map(laneChip)));
  if (v.origin === 'shipped') main.querySelector('.lanes').append(make('span', 'chip origin', 'came with Lanewise'));
  if (v.flags.length) main.append(group('flags', v.flags.map((flag) => chip('chip flag', flag.lanes, flag.title, `${flag.title}: lane ${flag.lanes}`))));
  a.append(main);
  if (v.images.length) a.append(group('pics', v.images.slice(0, 3).map((src) => Object.assign(make('img'), { src, alt: '', loading: 'lazy' }))));
  const when = make('time', '', moment(v.at)); when.dateTime = v.at;
  const rated = make('span', v.ratings.length ? 'rated' : 'unrated', v.ratings.map((each) => each.verdict).join('; ') || (v.sealed ? '' : 'not rated'));
  rated.title = v.ratings.map((each) => `${each.evaluator}: ${each.verdict}`).join('\n');
  a.append(group('side', [rated, when])); item.append(box, a); return item;
}
function drawQueue(queue) {
  const form = $('.queue');
  form.hidden = !queue;
  if (!queue) return;
  const done = queue.overlap !== undefined;
  form.querySelector('.said').textContent = queue.problem || (done ? `${some(queue.count, 'comparison')} sent: ${some(queue.overlap, 'rating')} of each are wanted on the rating page.`
    : queue.count ? `Ask others to rate ${some(queue.count, 'comparison')}, all of this list, blind?` : 'There is nothing in this list.');
  form.querySelector('label').hidden = form.querySelector('[type=submit]').hidden = done || !queue.count;
  form.querySelector('[data-act=dismiss]').textContent = done ? 'Close' : 'Cancel';
}
function render() {
  const v = props.value;
  if (!v || v.number < asked) return;  // answers may overtake each other
  shown = v;
  const filter = v.filter, set = NAMES.filter((name) => filter[name]).length, none = v.rows.length === 0;
  NAMES.forEach((name) => {
    const wish = field(name), offered = v.choices[name];
    if (wish === document.activeElement && name === 'q') return;
    if (wish.tagName === 'SELECT' && name !== 'rated') {
      const known = offered.some((each) => each.value === filter[name]) || !filter[name];
      wish.replaceChildren(new Option('all', ''), ...offered.map((each) => new Option(each.title, each.value)), ...(known ? [] : [new Option(filter[name], filter[name])]));
      wish.parentElement.hidden = offered.length === 0 && known;
    }
    wish.value = filter[name] || ''; wish.parentElement.toggleAttribute('data-set', Boolean(filter[name]));
  });
  const filters = set - (filter.q ? 1 : 0);
  $('[data-act=filters]').textContent = filters ? `Filters (${filters})` : 'Filters';
  $('.filters [data-act=clear]').hidden = !set;
  $('.empty').hidden = !none; $('.empty button').hidden = !set; $('.bar').hidden = none; if (none) panel().hidden = true; $('.seek').hidden = $('.filters').hidden = none && !set;
  $('.empty p').textContent = set ? 'Nothing found.' : 'Nothing here yet. Run a prompt on the Compare tab: every comparison is kept here, rated or not.';
  $('.status').textContent = none ? '' : set ? 'What was found, newest first' : 'Newest first';
  $('.pages').hidden = v.first && !v.next; $('[data-act=older]').disabled = !v.next; $('[data-act=newest]').disabled = v.first;
  drawQueue(v.queue);
  $('.rows').replaceChildren(...v.rows.map(line));
  drawChosen(false);
}
watch('value', render); render();
