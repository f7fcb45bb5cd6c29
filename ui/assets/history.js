// Lists stored comparisons; a click opens one on the Compare tab. Text goes in as text.
element.addEventListener('click', (event) => {
  const row = event.target.closest('a[data-run]'), page = event.target.closest('button[data-act]');
  if (row && !event.ctrlKey && !event.metaKey) { event.preventDefault(); trigger('open', { run: row.dataset.run }); }
  if (page) { trigger('turn', { before: page.dataset.act === 'older' ? props.value.next : '', flag: $('select').value }); scrollTo({ top: 0 }); }
});
$('select').addEventListener('change', () => trigger('turn', { before: '', flag: $('select').value }));
function option(flag) { const made = make('option', '', `${flag.title} (${flag.count})`); made.value = flag.code; return made; }
function chip(kind, letters, text, title) { const made = make('span', kind, text); made.prepend(make('em', '', letters)); made.title = title; return made; }
function line(v) {
  const item = make('li'), a = make('a'); a.href = `?run=${encodeURIComponent(v.id)}`; a.dataset.run = v.id;
  const main = make('div', 'main'), lanes = make('div', 'lanes');
  main.append(make('strong', '', v.title));
  v.lanes.forEach((lane) => { const shown = chip('chip', lane.letter, lane.label, lane.state); shown.dataset.state = lane.state; lanes.append(shown); });
  main.append(lanes); a.append(main);
  if (v.flags.length) {
    const flags = make('div', 'flags');
    v.flags.forEach((flag) => flags.append(chip('chip flag', flag.lanes, flag.title, `${flag.title}: lane ${flag.lanes}`)));
    main.append(flags);
  }
  if (v.images.length) {
    const pics = make('div', 'pics');
    v.images.slice(0, 3).forEach((src) => { const img = make('img'); img.src = src; img.alt = ''; img.loading = 'lazy'; pics.append(img); });
    a.append(pics);
  }
  const side = make('div', 'side'), when = make('time', '', new Date(v.at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }));
  when.dateTime = v.at; side.append(make('span', v.rating ? 'rated' : 'unrated', v.rating || 'not rated'), when);
  a.append(side); item.append(a); return item;
}
function render() {
  const v = props.value || { rows: [], flags: [], flag: '', next: '', first: true }, filter = $('select');
  const all = make('option', '', 'all'); all.value = '';
  filter.replaceChildren(all, ...v.flags.map(option)); filter.value = v.flag;
  $('.filter').hidden = v.flags.length === 0;
  $('.empty').hidden = v.rows.length > 0; $('.bar').hidden = v.rows.length === 0; $('.pages').hidden = v.first && !v.next;
  $('.rows').replaceChildren(...v.rows.map(line));
  $('[data-act=older]').disabled = !v.next; $('[data-act=newest]').disabled = v.first;
}
watch('value', render); render();
