// Exports what the list has: the server makes a file, and says how far it is. Whoever comes back finds it again.
const LOOK = 400;  // milliseconds
let views = null, making = null, looking = 0;

const panel = () => $('.export');
const view = () => views.find((each) => each.name === panel().elements.view.value);
const counted = (counts) => Object.entries(counts).map(([what, many]) => `${many.toLocaleString()} ${what}`).join(', ');
const sized = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
function failed(error) { making = { state: 'failed', problem: inWords(error) }; drawExport(); }

async function openExport() {
  panel().hidden = false;
  try {
    const offered = await ask('exports');
    views = offered.views; making = offered.job?.state === 'running' || !making ? offered.job : making;
    const chosen = panel().elements.view, before = making?.view || chosen.value;
    chosen.replaceChildren(...views.map((each) => new Option(each.name, each.name)));
    if (before) chosen.value = before;
    drawExport(); look();
  } catch (error) { failed(error); }
}
async function startExport() {
  const { since, until, filter: { from, to, ...filter } } = request(inAddress());
  const options = Object.fromEntries([...panel().querySelectorAll('[type=checkbox]')].map((box) => [box.name, box.checked]));
  const moments = Object.fromEntries(Object.entries({ since, until }).filter(([, at]) => at));
  try { making = await ask('exports', { view: view().name, ...filter, ...moments, ...options }); drawExport(); look(true); } catch (error) { failed(error); }
}
async function stopExport() {
  const { id } = making; making = null; drawExport();
  try { await ask(`exports/${id}/stop`, {}); } catch { /* it is over already */ }
}
function look(started = false) {
  clearTimeout(looking);
  if (making?.state !== 'running' || !element.isConnected) return;
  looking = setTimeout(async () => {
    const { id } = making;
    try {
      const found = await ask(`exports/${id}`);
      if (making?.id !== id) return;  // stopped meanwhile
      making = found; drawExport();
      if (making.state === 'ready' && started) panel().querySelector('a').click();
      look(started);
    } catch (error) { if (making?.id === id) failed(error); }
  }, LOOK);
}
function drawExport() {
  const form = panel(), state = making?.state || '', isRunning = state === 'running', said = form.querySelector('.said'), link = form.querySelector('a');
  form.dataset.state = state;
  if (views) {
    form.querySelector('.about').textContent = view().about;
    form.querySelectorAll('[type=checkbox]').forEach((box) => { box.closest('label').hidden = !view().options.includes(box.name); });
  }
  form.querySelectorAll('select, [type=checkbox]').forEach((field) => { field.disabled = isRunning; });
  const bar = form.querySelector('progress');
  bar.hidden = !isRunning; making?.total ? bar.value = making.read / making.total : bar.removeAttribute('value');
  form.querySelector('[type=submit]').hidden = isRunning; form.querySelector('[data-act=stop]').hidden = !isRunning;
  form.querySelector('[data-act=leave]').hidden = isRunning;
  link.hidden = state !== 'ready'; if (making?.id) link.href = `exports/${making.id}/file`;
  link.textContent = state === 'ready' ? `Download ${making.view}.zip, ${sized(making.bytes)}` : '';
  const left = Object.entries(making?.out || {}).map(([why, many]) => `${why} (${many.toLocaleString()})`).join('; ');
  said.textContent = {
    running: making?.total === null ? 'Counting …' : `${(making?.read || 0).toLocaleString()} of ${(making?.total || 0).toLocaleString()} comparisons`,
    ready: `${counted(making?.written || {}) || 'Nothing was written'}.${left ? ` Left out: ${left}.` : ''}`,
    failed: making?.problem,
  }[state] || '';
}
