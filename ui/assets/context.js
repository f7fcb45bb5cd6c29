// The part "Long context": its form, and a map of what was found for each lane. Text always goes in as text.
const thousands = (tokens) => `${tokens / 1000}k`;
const place = (depth) => depth === 0 ? 'the beginning' : depth === 100 ? 'the end' : `${depth} %`;
const percent = (share) => `${Math.round(share * 100)} %`;

function renew({ lanes }) {
  const chosen = values('.lanes');
  $('.lanes ul').replaceChildren(...lanes.map(({ name, about, efforts }) => {
    const row = make('li'), words = make('span', 'words'), marks = make('span', 'marks');
    words.append(make('strong', '', name), make('span', 'hint', about));
    marks.append(...efforts.map((effort) => {
      const value = JSON.stringify([name, effort]), said = effort ? `effort ${effort}` : 'its own effort', made = box(value, said, chosen.includes(value));
      made.firstChild.ariaLabel = `${name}, ${said}`; return made;
    }));
    row.append(words, marks); return row;
  }));
}
function offer({ lanes, lengths, depths, usual, answer, thought }) {
  renew({ lanes });
  $('.lengths .marks').replaceChildren(...lengths.map((each) => box(each, thousands(each), usual.lengths.includes(each))));
  $('.depths .marks').replaceChildren(...depths.map((each) => box(each, place(each), usual.depths.includes(each))));
  field('answer').value = answer; field('thought').value = thought;
}
const asked = () => ({
  lanes: values('.lanes').map((each) => JSON.parse(each)), lengths: values('.lengths').map(Number), depths: values('.depths').map(Number),
  ...wholes('trials', 'answer', 'thought', 'minutes', 'seed'),
});

// what is said of a cell: a sign, a number, and words for who can't see either
function told({ found, missed, too_long: long, failed, out_of_tokens: out }) {
  const read = found + missed, odd = [read && out && `+${out} out of tokens`, failed && `+${failed} failed`].filter(Boolean).join(', ');
  if (read) return { is: !missed ? 'found' : found ? 'some' : 'none', sign: !missed ? '✓' : found ? '◐' : '✗', text: `${found}/${read}`, words: [`${found} of ${read} found`, odd].filter(Boolean).join(', '), odd };
  if (out) return { is: 'out', sign: '…', text: 'out of tokens', words: `${some(out, 'answer')} ran out of tokens: allow more`, odd };
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
function map(lane, { lengths, depths }) {
  const figure = make('figure', 'map'), title = make('figcaption'), table = make('table'), top = make('tr'), body = make('tbody'), foot = make('tfoot'), { total } = lane;
  title.append(make('strong', '', lane.name), make('span', 'hint', total.share === null ? told(total).words
    : `${total.found} of ${total.found + total.missed} found: ${percent(total.share)}, between ${percent(total.low)} and ${percent(total.high)}`));
  table.ariaLabel = `Found by ${lane.name}`;
  top.append(head('depth'), ...lengths.map((each) => head(thousands(each))));
  const heads = make('thead'); heads.append(top);
  depths.forEach((depth, i) => {
    const row = make('tr'); row.append(head(place(depth), 'row'), ...lengths.map((length, j) => cell(lane.cells[i][j], `${thousands(length)} tokens, ${place(depth)}`))); body.append(row);
  });
  const together = make('tr'); together.append(head('together', 'row'), ...lane.together.map((each) => make('td', '', each.share === null ? '–' : percent(each.share))));
  const first = make('tr'); first.append(head('first token', 'row'), ...lane.first.map((each) => make('td', '', each === null ? '–' : each < 1e6 ? `${Math.round(each / 1000)} ms` : `${(each / 1e6).toFixed(1)} s`)));
  first.title = 'The median time to the first token, of prompts that the server had to read';
  foot.append(together, first); table.append(heads, body, foot);
  const roll = make('div', 'roll'); roll.tabIndex = 0; roll.role = 'group'; roll.ariaLabel = `Map of ${lane.name}`; roll.append(table);
  figure.append(title, roll);
  if (lane.reasons.length) figure.append(listing('reasons', lane.reasons.map((each) => `${each.times} × ${each.why}`)));
  return figure;
}
function duel({ one, other, verdict, counts, apart }) {
  const article = make('article', 'duel'), list = make('dl');
  Object.entries(counts).forEach(([name, value]) => { const row = make('div'); row.append(make('dt', '', name), make('dd', '', value)); list.append(row); });
  article.append(make('h4', '', `${one} against ${other}`), make('p', '', verdict), ...(Object.values(counts).some(Boolean) ? [list] : []));
  if (apart.length) {
    const more = make('details');
    more.append(make('summary', '', `Where they differ: ${some(apart.length, 'cell')}`), listing('', apart.map((each) => `${thousands(each.length)} tokens, ${place(each.depth)}: ${told(each.one).words} by ${one}, ${told(each.other).words} by ${other}`)));
    article.append(more);
  }
  return article;
}
const LEGEND = [['found', '✓', 'all found'], ['some', '◐', 'some found'], ['none', '✗', 'none found'], ['long', '⊘', 'does not fit'], ['out', '…', 'out of tokens: allow more'], ['failed', '!', 'failed'], ['open', '·', 'not asked']];
function draw(result) {
  const maps = make('div', 'maps'), legend = make('p', 'legend');
  legend.append(...LEGEND.map(([is, sign, text]) => { const item = make('span'), key = make('b', 'cell', sign); key.dataset.is = is; key.ariaHidden = true; item.append(key, document.createTextNode(text)); return item; }));
  maps.append(...result.lanes.map((lane) => map(lane, result)));
  const open = [...element.querySelectorAll('.duel details')].map((each) => each.open), duels = result.duels.map(duel);
  duels.flatMap((each) => [...each.querySelectorAll('details')]).forEach((each, i) => { each.open = open[i] || false; });
  $('.found').replaceChildren(...(result.lanes.length ? [maps, legend, ...duels] : [make('p', 'hint', 'No answer yet.')]));
}

begin({ kind: 'context', offer, renew, asked, draw, beside: draw });
