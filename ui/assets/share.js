// Gives away the comparison that is shown: as a link, or as a file that is made by the server and may be refused.
const said = $('.said'), boxes = [...element.querySelectorAll('input')];
const left = () => boxes.filter((box) => box.checked).map((box) => box.value);

function called() {
  const { worded, bare } = props.value, without = left();
  const stem = without.includes('names') || without.includes('prompts') ? bare : worded;
  return `${[stem, ...(without.length ? ['without', ...without] : [])].join('-')}.html`;
}

async function copy(address, what) {
  try { await navigator.clipboard.writeText(address); said.textContent = `${what} copied.`; } catch { said.textContent = `Copy it by hand: ${address}`; }
}

async function download() {
  said.textContent = 'Making the file …';
  const asked = new URL(`comparisons/${props.value.run}.html`, location);
  left().forEach((part) => asked.searchParams.append('without', part));
  const answer = await fetch(asked);
  if (!answer.ok) { said.textContent = (await answer.json()).detail; return; }
  const file = await answer.blob(), link = make('a');
  link.href = URL.createObjectURL(file); link.download = answer.headers.get('content-disposition').split('"')[1];
  link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  said.textContent = `Made: ${Math.ceil(file.size / 1000)} KB.`;
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const { run } = props.value;
  switch (button.dataset.act) {
    case 'open': said.textContent = ''; sheet.showModal(); break;
    case 'link': copy(new URL(`?run=${run}`, location).href, 'Link'); break;
    case 'blind': copy(new URL(`rate?run=${run}`, location).href, 'Blind link');
  }
});
$('form').addEventListener('change', () => { $('.file code').textContent = called(); said.textContent = ''; });
$('form').addEventListener('submit', (event) => { event.preventDefault(); download().catch(() => { said.textContent = 'The app does not answer.'; }); });

function render() {
  $('.share').hidden = !props.value;
  if (props.value) $('.file code').textContent = called(); else sheet.close();
}
watch('value', render); render();
