// Lists the keys of the page, when `?` or its button asks.
function group([title, keys]) {
  const box = make('section'), list = make('dl');
  for (const [names, what] of Object.entries(keys)) {
    const row = make('div'), term = make('dt');
    term.append(...names.split(' ').map((name) => ('–'.includes(name) ? name : make('kbd', '', name))));
    row.append(term, make('dd', '', what)); list.append(row);
  }
  box.append(make('h3', '', title), list);
  return box;
}

$('button.keys').addEventListener('click', () => sheet.showModal());
sheet.addEventListener('keydown', ({ key }) => { if (key === '?') sheet.close(); });
function onKey(event) {
  if (!element.isConnected) { document.removeEventListener('keydown', onKey); return; }
  if (event.key === '?' && isCommand(event)) { event.preventDefault(); sheet.showModal(); }
}
document.addEventListener('keydown', onKey);
$('.groups').replaceChildren(...Object.entries(props.value).map(group));
