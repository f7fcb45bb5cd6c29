// The part "Load": its form, and plots and tables of what was found, alone or over a baseline.
const MOST_LANES = 6;
const FIGURES = [  // what can be plotted: its name, its unit, its lines
  ['Requests per second', 'requests/s', [['rate', '']]],
  ['Tokens per second', 'tokens/s', [['tokens_rate', '']]],
  ['Time to first token', 'ms', [['ttft_p50', 'p50'], ['ttft_p95', 'p95']]],
  ['Between tokens', 'ms', [['itl_p50', 'p50'], ['itl_p95', 'p95']]],
  ['End to end', 'ms', [['e2e_p50', 'p50'], ['e2e_p95', 'p95']]],
];
const SHARES = ['p50', 'p95', 'p99'];
const COLUMNS = [['Requests/s', ['rate']], ['Tokens/s', ['tokens_rate']], ...[['ttft', 'First token'], ['itl', 'Between tokens'], ['e2e', 'End to end']].map(([time, name]) => [name, SHARES.map((share) => `${time}_${share}`)])];
const SERVER = [['requests waiting', 'Queue'], ['KV cache %', 'KV cache %']];
let backends = [], figure = 0, again = null;

const rows = $('.lanes .rows'), options = () => backends.map((each) => new Option(each.artifact ? `${each.name} (${each.artifact})` : each.name, each.name));
function addLane(chosen = backends[0]) {
  const row = make('div', 'fields'), named = (text, field) => { const label = make('label', '', text); label.append(field); return label; };
  const backend = make('select'), effort = make('select'), model = make('input');
  backend.name = 'backend'; effort.name = 'effort'; model.name = 'model'; model.placeholder = 'as declared'; model.autocomplete = 'off';
  backend.append(...options());
  if (chosen) backend.value = chosen.name;
  const efforts = () => effort.replaceChildren(...(backends.find((each) => each.name === backend.value)?.efforts || []).map((each) => new Option(each || 'not sent', each)));
  backend.addEventListener('change', efforts); efforts();
  const drop = button('Remove', () => { row.remove(); few(); leave(); $('[data-act=add]').focus(); }); drop.ariaLabel = 'Remove this lane';
  row.append(named('Backend', backend), named('Effort', effort), named('Model', model), drop);
  rows.append(row); few();
}
function few() {
  const count = rows.children.length;
  [...rows.children].forEach((row) => { row.querySelector('button').hidden = count < 2; });
  $('[data-act=add]').disabled = count >= MOST_LANES;
}
function counted() { element.querySelectorAll('.prompts details').forEach((each) => { const many = each.querySelectorAll(':checked').length; each.querySelector('.many').textContent = many ? `· ${many} chosen` : ''; }); }
$('[data-act=add]').addEventListener('click', () => { const last = rows.lastElementChild?.querySelector('[name=backend]').selectedIndex ?? -1; addLane(backends[(last + 1) % backends.length]); leave(); rows.lastElementChild.querySelector('select').focus(); });
$('.prompts').addEventListener('change', counted);

function offer(choices) {
  backends = choices.backends;
  addLane(backends[backends.length > 1 ? backends.findIndex((each) => each.name !== 'local') : 0]);
  element.querySelectorAll('.boxes').forEach((boxes) => {
    boxes.append(...choices[boxes.dataset.from].map((each) => box(each.value, prompt(each))));
  });
  $('.recent').hidden = !choices.kept.length;
}
function renew(choices) {
  backends = choices.backends;
  rows.querySelectorAll('[name=backend]').forEach((each) => { const { value } = each; each.replaceChildren(...options()); each.value = value; });
}
function take(name) {   // what another tab leads here with
  const found = backends.find((each) => each.name === name);
  if (!found || rows.querySelector(`[name=backend] [value=${CSS.escape(name)}]:checked`)) return;
  rows.replaceChildren(); addLane(found);
}
const asked = () => ({
  lanes: [...rows.children].map((row) => Object.fromEntries(['backend', 'effort', 'model'].map((name) => [name, row.querySelector(`[name=${name}]`).value.trim()]))),
  prompts: values('.boxes'), text: field('text').value, steps: field('steps').value,
  ...wholes('requests', 'seconds', 'max_tokens', 'warm_up', 'seed'),
});

const doubt = ([, low, high]) => high > low ? `${rounded(low)}\u00a0– ${rounded(high)}` : '';
const cell = (value) => value ? [rounded(value[0]), doubt(value)] : '–';
const known = (every, name = (text) => text) => COLUMNS.map(([text, keys]) => [name(text, keys), keys.filter((key) => every.some((each) => key in each.values))]).filter(([, keys]) => keys.length);
const heads = (columns) => columns.map(([text, keys]) => keys.length > 1 ? [text, keys.map((key) => key.split('_')[1])] : text);
const grouped = (every, of, row) => [...new Set(every.map(of))].map((name) => [name, every.filter((each) => of(each) === name).map(row)]);
function choice(redraw) {
  const chosen = make('div', 'figures'); chosen.role = 'group'; chosen.ariaLabel = 'What is plotted';
  chosen.append(...FIGURES.map(([name], at) => { const each = button(name, () => { figure = at; redraw(); element.querySelectorAll('.figures button')[at].focus(); }); each.ariaPressed = at === figure; return each; }));
  return chosen;
}
const lined = (keys, name, colour, steps, pick) => keys.map(([key, share]) => ({
  name: [name, share].filter(Boolean).join(', '), colour, dashed: share === 'p95', points: steps.filter((step) => pick(step)[key]).map((step) => [String(step.step), ...pick(step)[key]]),
})).filter((line) => line.points.length);

function draw(result) {
  again = () => draw(result);
  const found = $('.found'), [name, unit, keys] = FIGURES[figure], xs = [...new Set(result.steps.map((each) => each.step))].sort((a, b) => a - b).map(String);
  const lines = result.lanes.flatMap((lane, at) => lined(keys, lane, at, result.steps.filter((each) => each.lane === at), (each) => each.values));
  const seen = SERVER.filter(([key]) => result.steps.some((each) => key in each.server));
  const columns = known(result.steps, (text, keys) => keys.length > 1 ? `${text}, ms` : text), told = grouped(result.steps, (each) => result.lanes[each.lane], (each) => {
    const errors = Object.entries(each.errors).map(([kind, many]) => `${many} ${kind}`).join(', ');
    return [
      `${each.step} at once`, [`${each.answered}`, errors],
      ...columns.flatMap(([, keys]) => keys.map((key) => cell(each.values[key]))), ...seen.map(([key]) => key in each.server ? rounded(each.server[key]) : '–'),
    ];
  });
  const parts = [choice(again)];
  if (lines.length) parts.push(plotted(lines, xs, 'requests at once', `${name}, ${unit}`), legend(lines));
  else parts.push(make('p', 'hint', result.steps.length ? 'No request was answered.' : 'The first requests are under way.'));
  if (result.notes.length) parts.push(listing('notes', result.notes));
  if (told.length) parts.push(tabled('Figures by step', ['Step', 'Answered', ...heads(columns), ...seen.map(([, title]) => title)], told), make('p', 'hint', 'Below each figure: where it lies 19 times out of 20 (percentile bootstrap over requests). Queue and KV cache: the highest that the server told.'));
  if (result.ratios.length) parts.push(make('h4', '', `Over ${result.lanes[0]}`), ...over(result.ratios, (each) => each.b));
  found.replaceChildren(...parts);
}
function over(ratios, named) {
  const columns = known(ratios);
  const claims = [...new Set(ratios.flatMap((each) => each.claims.map(({ claim }) => claim)))];
  const shown = grouped(ratios, named, (each) => [
    `${each.step} at once`, ...claims.map((claim) => each.claims.find((one) => one.claim === claim)?.verdict ?? '–'), ...columns.flatMap(([, keys]) => keys.map((key) => cell(each.values[key]))),
  ]);
  return [tabled('Ratios by step', ['Step', ...claims, ...heads(columns)], shown), make('p', 'hint', 'A ratio of 1 is no difference; times below 1 and rates above it are better. A claim holds where the whole interval does.')];
}
const named = ({ a, b }) => a === b ? b : `${b} over ${a}`;
function beside(told) {
  again = () => beside(told);
  const [name, , keys] = FIGURES[figure], xs = [...new Set(told.ratios.map((each) => each.step))].sort((a, b) => a - b).map(String);
  const pairs = [...new Set(told.ratios.map((each) => JSON.stringify([each.a, each.b])))].map((each) => JSON.parse(each));
  const lines = pairs.flatMap(([a, b], at) => lined(keys, named({ a, b }), at, told.ratios.filter((each) => each.a === a && each.b === b), (each) => each.values));
  const parts = [choice(again)];
  if (lines.length) parts.push(plotted(lines, xs, 'requests at once', `${name}, ratio`), legend(lines));
  if (told.notes.length) parts.push(listing('notes', told.notes));
  $('.found').replaceChildren(...parts, ...over(told.ratios, named));
}
matchMedia('(max-width: 640px)').addEventListener('change', () => { if ($('.found svg')) again(); });   // a plot is as wide as it can be
begin({ kind: 'load', offer, renew, take, asked, draw, beside });
