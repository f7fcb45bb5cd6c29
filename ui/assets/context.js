// The part "Long context": its form, and a map of what was found for each lane. Text always goes in as text.
const field = (name) => $(`[name=${name}]`);
const thousands = (tokens) => `${tokens / 1000}k`;
const place = (depth) => depth === 0 ? 'the beginning' : depth === 100 ? 'the end' : `${depth} %`;
const percent = (share) => `${Math.round(share * 100)} %`;

function mark(text, value, isOn, name) {
  const label = make('label'), box = make('input'); box.type = 'checkbox'; box.checked = isOn; box.value = value;
  if (name) box.ariaLabel = name;
  label.append(box, document.createTextNode(text)); return label;
}
const marked = (group) => [...$(group).querySelectorAll(':checked')].map((box) => Number(box.value));

function renew({ lanes }) {
  const chosen = [...$('.lanes').querySelectorAll(':checked')].map((box) => box.value);
  $('.lanes ul').replaceChildren(...lanes.map(({ name, about, efforts }) => {
    const row = make('li'), words = make('span', 'words'), marks = make('span', 'marks');
    words.append(make('strong', '', name), make('span', 'hint', about));
    marks.append(...efforts.map((effort) => {
      const label = mark(effort ? `effort ${effort}` : 'its own effort', JSON.stringify([name, effort]), false, `${name}, ${effort ? `effort ${effort}` : 'its own effort'}`);
      return label;
    }));
    row.append(words, marks); return row;
  }));
  $('.lanes').querySelectorAll('input').forEach((box) => { box.checked = chosen.includes(box.value); });
}
function offer({ lanes, lengths, depths, usual, thought }) {
  renew({ lanes });
  $('.lengths .marks').replaceChildren(...lengths.map((each) => mark(thousands(each), each, usual.lengths.includes(each))));
  $('.depths .marks').replaceChildren(...depths.map((each) => mark(place(each), each, usual.depths.includes(each))));
  field('thought').value = thought;
}
const asked = () => ({
  lanes: [...$('.lanes').querySelectorAll(':checked')].map((box) => JSON.parse(box.value)),
  lengths: marked('.lengths'), depths: marked('.depths'),
  ...Object.fromEntries(['trials', 'thought', 'minutes', 'seed'].map((name) => [name, field(name).valueAsNumber])),
});

// what is said of a cell: a sign, a number, and words for who can't see either
function told({ found, missed, too_long: long, failed }) {
  const read = found + missed, odd = failed ? `, ${failed} failed` : '';
  if (read) return { is: !missed ? 'found' : found ? 'some' : 'none', sign: !missed ? '✓' : found ? '◐' : '✗', text: `${found}/${read}`, words: `${found} of ${read} found${odd}`, odd: failed ? `+${failed} failed` : '' };
  if (long) return { is: 'long', sign: '⊘', text: 'too long', words: 'does not fit', odd: '' };
  if (failed) return { is: 'failed', sign: '!', text: 'failed', words: `${some(failed, 'request')} failed`, odd: '' };
  return { is: 'open', sign: '·', text: '', words: 'not asked', odd: '' };
}
function cell(tally, where) {
  const is = told(tally), made = make('td', 'cell'), sign = make('b', '', is.sign);
  made.dataset.is = is.is; sign.ariaHidden = true;
  if (tally.share !== null) made.style.setProperty('--share', tally.share);
  made.title = `${where}: ${is.words}${tally.low === null ? '' : `; the true share is ${percent(tally.low)} to ${percent(tally.high)}`}`;
  made.append(sign, make('span', '', is.text || 'not asked'));
  if (is.odd) made.append(make('i', '', is.odd));
  return made;
}
function head(text, scope) { const made = make('th', '', text); made.scope = scope; return made; }
function map(lane, { lengths, depths }) {
  const box = make('figure', 'map'), title = make('figcaption'), table = make('table'), top = make('tr'), body = make('tbody'), foot = make('tfoot'), { total } = lane;
  title.append(make('strong', '', lane.name), make('span', 'hint', total.share === null ? told(total).words
    : `${total.found} of ${total.found + total.missed} found: ${percent(total.share)}, between ${percent(total.low)} and ${percent(total.high)}`));
  table.ariaLabel = `Found by ${lane.name}`;
  top.append(head('depth', 'col'), ...lengths.map((each) => head(thousands(each), 'col')));
  const heads = make('thead'); heads.append(top);
  depths.forEach((depth, i) => {
    const row = make('tr'); row.append(head(place(depth), 'row'), ...lengths.map((length, j) => cell(lane.cells[i][j], `${thousands(length)} tokens, ${place(depth)}`))); body.append(row);
  });
  const together = make('tr'); together.append(head('together', 'row'), ...lane.together.map((each) => make('td', '', each.share === null ? '–' : percent(each.share))));
  const first = make('tr'); first.append(head('first token', 'row'), ...lane.first.map((each) => make('td', '', each === null ? '–' : each < 1e6 ? `${Math.round(each / 1000)} ms` : `${(each / 1e6).toFixed(1)} s`)));
  first.title = 'The median time to the first token, of prompts that the server had to read';
  foot.append(together, first); table.append(heads, body, foot);
  const roll = make('div', 'roll'); roll.tabIndex = 0; roll.role = 'group'; roll.ariaLabel = `Map of ${lane.name}`; roll.append(table);
  box.append(title, roll);
  if (lane.reasons.length) {
    const why = make('ul', 'reasons');
    why.append(...lane.reasons.map((each) => make('li', '', `${each.times} × ${each.why}`))); box.append(why);
  }
  return box;
}
function duel({ one, other, verdict, counts, apart }) {
  const box = make('article', 'duel'), list = make('dl');
  Object.entries(counts).forEach(([name, value]) => { const row = make('div'); row.append(make('dt', '', name), make('dd', '', value)); list.append(row); });
  box.append(make('h4', '', `${one} against ${other}`), make('p', '', verdict), list);
  if (apart.length) {
    const more = make('details'), places = make('ul');
    more.append(make('summary', '', `Where they differ: ${some(apart.length, 'cell')}`), places);
    places.append(...apart.map((each) => make('li', '', `${thousands(each.length)} tokens, ${place(each.depth)}: ${told(each.one).words} by ${one}, ${told(each.other).words} by ${other}`)));
    box.append(more);
  }
  return box;
}
const LEGEND = [['found', '✓', 'all found'], ['some', '◐', 'some found'], ['none', '✗', 'none found'], ['long', '⊘', 'does not fit'], ['failed', '!', 'failed'], ['open', '·', 'not asked']];
function draw(result) {
  const maps = make('div', 'maps'), legend = make('p', 'legend');
  legend.append(...LEGEND.map(([is, sign, text]) => { const item = make('span'), key = make('b', 'cell', sign); key.dataset.is = is; key.ariaHidden = true; item.append(key, document.createTextNode(text)); return item; }));
  maps.append(...result.lanes.map((lane) => map(lane, result)));
  const open = [...element.querySelectorAll('.duel details')].map((each) => each.open), duels = result.duels.map(duel);
  duels.flatMap((each) => [...each.querySelectorAll('details')]).forEach((each, i) => { each.open = open[i] || false; });
  $('.found').replaceChildren(...(result.lanes.length ? [maps, legend, ...duels] : [make('p', 'hint', 'No answer yet.')]));
}

begin({ kind: 'context', offer, renew, asked, draw, beside: draw });
