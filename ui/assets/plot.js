// A plot of lines with their doubt as whiskers: an SVG in the theme's colours. `lines`: { name, colour (a number),
// dashed, points: [[x, value, low, high]] }; all x are names on one axis.
const SVG = 'http://www.w3.org/2000/svg', WIDEST = 860, HIGH = 300, LEFT = 58, RIGHT = 14, TOP = 12, BELOW = 44;
const drawnAs = (tag, settings, text) => {
  const made = document.createElementNS(SVG, tag);
  Object.entries(settings).forEach(([name, value]) => made.setAttribute(name, value));
  if (text !== undefined) made.textContent = text;
  return made;
};
const rounded = (value) => value === 0 ? '0' : value >= 1000 ? Math.round(value).toLocaleString() : String(Number(value.toPrecision(3)));
function ticks(most) {
  const rough = most / 4 || 1, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}
function plotted(lines, xs, across, up) {
  const most = Math.max(...lines.flatMap((line) => line.points.map(([, value, , high]) => Math.max(value, high)))), marks = ticks(most || 1), top = marks.at(-1);
  const WIDE = Math.min(WIDEST, Math.max(280, $('.measure').clientWidth - 40));
  const x = (name) => LEFT + (WIDE - LEFT - RIGHT) * (xs.indexOf(name) + .5) / xs.length, y = (value) => HIGH - BELOW - (HIGH - BELOW - TOP) * value / top;
  const plot = drawnAs('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH, role: 'img', class: 'plot', 'aria-label': `${up} by ${across}: the table has the figures` });
  marks.forEach((mark) => plot.append(drawnAs('line', { x1: LEFT, x2: WIDE - RIGHT, y1: y(mark), y2: y(mark), class: mark ? 'grid' : 'axis' }), drawnAs('text', { x: LEFT - 8, y: y(mark) + 4, 'text-anchor': 'end' }, rounded(mark))));
  xs.forEach((name) => plot.append(drawnAs('text', { x: x(name), y: HIGH - BELOW + 18, 'text-anchor': 'middle' }, name)));
  plot.append(drawnAs('text', { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 6, 'text-anchor': 'middle', class: 'name' }, across), drawnAs('text', { x: 0, y: 0, transform: `translate(12 ${(HIGH - BELOW + TOP) / 2}) rotate(-90)`, 'text-anchor': 'middle', class: 'name' }, up));
  lines.forEach((line, at) => {
    const group = drawnAs('g', { class: `line colour-${line.colour}${line.dashed ? ' dashed' : ''}` }), shift = (at - (lines.length - 1) / 2) * 5;
    group.append(drawnAs('polyline', { points: line.points.map(([name, value]) => `${x(name) + shift},${y(value)}`).join(' ') }));
    line.points.forEach(([name, value, low, high]) => {
      const dot = drawnAs('circle', { cx: x(name) + shift, cy: y(value), r: 4 });
      dot.append(drawnAs('title', {}, `${line.name}, ${name}: ${rounded(value)}${high > low ? ` (${rounded(low)} to ${rounded(high)})` : ''}`));
      if (high > low) group.append(drawnAs('path', { d: `M${x(name) + shift - 4} ${y(low)}h8m-4 0V${y(high)}m-4 0h8`, class: 'whisker' }));
      group.append(dot);
    });
    plot.append(group);
  });
  return plot;
}
function legend(lines) {
  const list = make('ul', 'legend');
  list.append(...lines.map((line) => { const each = make('li', '', line.name); each.prepend(make('i', `colour-${line.colour}${line.dashed ? ' dashed' : ''}`)); return each; }));
  return list;
}
// `heads`: texts, or [a text over several, theirs]; `groups`: [what its rows are of, rows]; a cell is text, or [text, what is said below it]
function tabled(caption, heads, groups) {
  const scrolls = make('div', 'scrolls'), table = make('table'), top = make('thead'), across = make('tr'), below = make('tr');
  scrolls.tabIndex = 0; scrolls.role = 'region'; scrolls.ariaLabel = caption;
  heads.map((each) => [each].flat(2)).forEach(([text, ...subs]) => {
    const cell = head(text, subs.length ? 'colgroup' : 'col');
    if (subs.length) cell.colSpan = subs.length; else cell.rowSpan = 2;
    across.append(cell); below.append(...subs.map((each) => head(each)));
  });
  top.append(across, below); table.append(make('caption', '', caption), top);
  for (const [name, rows] of groups) {
    const body = make('tbody');
    if (groups.length > 1) { const row = make('tr', 'of'), cell = head(name, 'rowgroup'); cell.colSpan = heads.flat(2).length; row.append(cell); body.append(row); }
    body.append(...rows.map((row) => {
      const line = make('tr');
      line.append(...row.map((each, i) => { const [text, more] = [each].flat(), cell = i ? make('td', '', text) : head(text, 'row'); if (more) cell.append(make('small', '', more)); return cell; }));
      return line;
    }));
    table.append(body);
  }
  scrolls.append(table);
  return scrolls;
}
