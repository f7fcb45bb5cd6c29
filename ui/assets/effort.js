// The part "Effort": what is known of both efforts, and prompts to ask at both. Text always goes in as text.
const factor = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)}×`;
const COLUMNS = [['first token', 'First token'], ['answer begins', 'Answer begins'], ['total time', 'Total time'], ['tokens', 'Tokens'], ['cost', 'Cost']];

function ratio(found, name) {
  const made = make('td', 'ratio'); made.dataset.name = name;
  if (!found) { made.append(make('span', '', '–')); made.title = 'Not known, or not comparable'; return made; }
  made.append(make('b', '', factor(found.mean)));
  if (found.low !== null) made.append(make('span', 'hint', `${factor(found.low)} to ${factor(found.high)}`));
  made.title = `High over none, on ${some(found.of, 'prompt')}${found.low === null ? ': too few for an interval' : '; 95 % interval'}`;
  return made;
}
function votes(row) {
  const made = make('td', 'votes'); made.dataset.name = 'Preferred';
  if (!row.rated) { made.append(make('span', 'hint', 'not rated')); return made; }
  const bar = make('span', 'bar'), parts = [['high', row.high], ['neither', row.neither], ['none', row.none]];
  bar.ariaHidden = true;
  parts.forEach(([kind, count]) => { if (count) { const part = make('i'); part.dataset.is = kind; part.style.flexGrow = count; bar.append(part); } });
  made.append(bar, make('span', '', `${row.high} high · ${row.neither} neither · ${row.none} none`), make('span', 'hint', `${row.blind ? 'blind' : 'not blind'}, on ${some(row.rated, 'comparison')}`));
  return made;
}
function line(row) {
  const made = make('tr'), name = head('', 'row'), advice = make('td', 'advice');
  name.append(make('b', '', row.tag), make('span', 'hint', [some(row.pairs, 'prompt'), row.rule && `rule of thumb: ${row.rule}`, row.crowded && `times of ${row.crowded} not fair`].filter(Boolean).join(' · ')));
  if (row.crowded) name.title = 'Where both lanes asked one server at once they slowed each other down: those times are left out.';
  const [effort, ...rest] = row.advice.words.split(': ');
  advice.dataset.name = 'Suggestion'; advice.dataset.is = row.advice.effort || 'open';
  advice.append(make('b', '', effort), make('span', '', rest.join(': ')));
  made.append(name, ...COLUMNS.map(([key, title]) => ratio(row.ratios[key], title)), votes(row), advice);
  return made;
}
const preferences = tried(async (of = '') => {
  const told = await ask(`efforts.json?of=${encodeURIComponent(of)}`);
  const now = JSON.stringify(told); if ($('.efforts').dataset.told === now) return;
  $('.efforts').dataset.told = now;
  const isEmpty = !told.rows.length;
  $('.efforts .unknown').hidden = !isEmpty; $('.efforts nav').hidden = isEmpty; $('.efforts .roll').hidden = isEmpty;
  $('.efforts .of').hidden = told.lanes.length < 2;
  const select = $('.efforts select');
  select.replaceChildren(...told.lanes.map((name) => new Option(name, name, false, name === told.of)));
  const table = make('table'), heads = make('thead'), top = make('tr'), body = make('tbody');
  table.ariaLabel = told.of;
  top.append(...['Type of request', ...COLUMNS.map(([, title]) => title), 'Preferred', 'Suggestion'].map((text) => head(text)));
  heads.append(top); body.append(...told.rows.map(line)); table.append(heads, body);
  $('.efforts .roll').replaceChildren(table);
});

function renew({ backends }) {
  const { value } = field('backend');
  field('backend').replaceChildren(...backends.map(({ name, about }) => new Option(about ? `${name} (${about})` : name, name)));
  if (value) field('backend').value = value;
}
function offer({ backends, library, tokens }) {
  renew({ backends });
  field('tokens').value = tokens;
  $('.library').replaceChildren(...library.map(({ name, chosen: isOn, prompts }) => {
    const group = make('details'), sum = make('summary', '', name), list = make('div', 'boxes'); group.open = isOn;
    list.append(...prompts.map((each) => box(each.name, prompt(each), isOn)));
    group.append(sum, list); return group;
  }));
}
const asked = () => ({
  backend: field('backend').value, own: field('own').value,
  prompts: values('.library'), ...wholes('tokens', 'overlap', 'minutes'),
});
function draw({ comparisons, overlap }) {
  const list = make('ol'), words = make('p', 'hint', 'Rate each blind: what it took is shown after that, and counts above.');
  if (overlap) { words.append(document.createTextNode(` Of each, ${some(overlap, 'rating')} by others ${overlap === 1 ? 'is' : 'are'} wanted: they rate at `), link('the rating page', 'rate'), document.createTextNode('.')); }
  list.append(...comparisons.map((each) => {
    const row = make('li'), opens = link(each.prompt, `?run=${each.id}`);
    row.append(opens, make('span', 'hint', [each.tag, each.state === 'failed' && 'a lane failed'].filter(Boolean).join(' · '))); return row;
  }));
  $('.found').replaceChildren(...(comparisons.length ? [words, list] : [make('p', 'hint', 'The first prompt is being answered.')]));
  preferences($('.efforts select').value);
}

$('.efforts select').addEventListener('change', (event) => preferences(event.target.value));
new IntersectionObserver(([change]) => { if (change.isIntersecting) preferences($('.efforts select').value); }).observe(element);
begin({ kind: 'effort', offer, renew, asked, draw, beside: () => {} });
