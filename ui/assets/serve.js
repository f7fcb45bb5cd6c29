// Shows how what is chosen is served, as the app tells it; the choice stands in the address. Text goes in as text.
const CHOICES = ['model', 'engine', 'artifact', 'hardware', 'gpus', 'context', 'requests'];
const wish = $('.wish'), guide = $('.guide'), add = $('.add'), answers = new Map();
let told = null, form = 'command', asked = 0, wanted = new Map(), edited = new Set();

const tell = (selector, text) => { $(selector).textContent = text; $(selector).hidden = !text; };
function remember() {   // what is hosted has no more to choose
  if (window.address.of('serve')) window.address.say('serve', Object.fromEntries(CHOICES.slice(0, told.hosted ? 2 : undefined).map((name) => [name, told.choice[name]])), true);
}

async function look() {
  const mine = ++asked;
  try {
    const now = await ask(`serve.json?${new URLSearchParams([...wanted, ...answers])}`);
    if (mine !== asked) return;
    told = now; wanted = new Map(Object.entries(now.choice));
    render(); remember();
  } catch { if (mine === asked) tell('.about', 'The app does not answer: this shows what it told before.'); }
}

function options(name, choices) {
  const select = wish.elements[name], value = String(told.choice[name]);
  select.replaceChildren(...choices.map(([each, title]) => new Option(title, each)));
  select.value = value;
}
function linked(warning) {
  const item = make('li', '', warning.text);
  for (const ref of warning.refs) {
    const a = make(ref.link ? 'a' : 'span', 'ref', ref.text);
    if (ref.link) { a.href = ref.link; a.target = '_blank'; a.rel = 'noreferrer'; }
    item.append(' ', a);
  }
  return item;
}
const pair = (name, text, more) => { const row = make('div'); row.append(make('dt', '', name), make('dd', '', text)); if (more) row.append(make('dd', 'more', more)); return row; };

function render() {
  for (const [name, choices] of Object.entries(told.options)) options(name, choices);
  for (const name of ['context', 'requests']) if (document.activeElement !== wish.elements[name]) wish.elements[name].value = told.choice[name];
  for (const e of element.querySelectorAll('[data-own]')) e.hidden = told.hosted;
  for (const e of element.querySelectorAll('[data-served]')) e.hidden = !told.command;
  tell('.suits', told.artifact ? `${told.artifact.best_for} ${told.artifact.trade_off}` : '');
  tell('.told h2', told.title); tell('.about', told.about);
  $('.refusal').hidden = !told.refusal; tell('.refusal p', told.refusal);
  $('.instead').replaceChildren(...told.instead.map((name) => { const b = make('button', '', `Take ${name}`); b.addEventListener('click', () => choose({ artifact: name })); return b; }));
  $('.steps').hidden = !told.steps.length; $('.steps').replaceChildren(...told.steps.map((text) => make('li', '', text)));
  $('.warnings').hidden = !!told.refusal || !told.warnings.length; $('.warnings ul').replaceChildren(...told.warnings.map(linked));
  $('.flags dl').replaceChildren(...told.flags.map((f) => pair(`${f.flag} ${f.value}`.trim(), f.why)));
  $('.versions ul').replaceChildren(...told.versions.map((v) => { const item = make('li'); item.append(make('b', '', `${v.package} ≥ ${v.minimum}`.replace('≥ a ', 'from a ')), ` ${v.why}`); return item; }));
  $('.install pre').textContent = told.install;
  tell('.idle', told.idle ? `${told.idle} of ${told.choice.gpus} GPUs ${told.idle > 1 ? 'stay' : 'stays'} idle: layers are spread over 1, 2, 4 or 8.` : '');
  if (!told.compose) form = 'command';
  $('[data-form=compose]').hidden = !told.compose;
  code(); fits(); rows(); leads(); entry();
}
function code() {
  for (const b of element.querySelectorAll('[data-form]')) b.setAttribute('aria-pressed', b.dataset.form === form);
  const pre = $('.code pre'); pre.textContent = told[form]; pre.ariaLabel = form === 'command' ? 'Command' : 'Compose file';
}
function fits() {
  if (!told.fit) return;
  const f = told.fit, box = $('.fit');
  box.dataset.verdict = f.verdict; $('.fit b').textContent = f.verdict; tell('.says', f.says);
  $('meter').value = Math.min(1, (f.weights + f.cache) / f.budget);
  $('.fit dl').replaceChildren(...f.lines.map((line) => pair(line.name, `${line.sum} = ${line.result}`, line.source)));
}
function rows() {
  $('.vendor').hidden = told.hosted || !told.vendor.length;
  $('.vendor tbody').replaceChildren(...told.vendor.map((v) => {
    const row = make('tr'); if (v.name === told.choice.hardware) row.ariaCurrent = 'true';
    const name = make('th', '', v.hardware); name.scope = 'row';
    row.append(name, make('td', '', `${v.minimum}×`), make('td', '', `${v.recommended}×`)); return row;
  }));
}
function leads() {
  const list = $('.guide form');
  if (!list.children.length) for (const q of told.guide.questions) {
    const set = make('fieldset'), legend = make('legend', '', q.text); set.append(legend);
    for (const answer of ['yes', 'no']) {
      const label = make('label'), radio = make('input'); radio.type = 'radio'; radio.name = q.name; radio.value = answer;
      label.append(radio, answer); set.append(label);
    }
    list.append(set);
  }
  const choice = told.guide.choice;
  tell('.leads', choice ? `${choice.title}. ${choice.reason}` : ''); tell('.warns', choice ? choice.warning : '');
  $('[data-act=take]').hidden = !choice;
}
function entry() {
  $('.add').hidden = !!told.refusal; $('.entry pre').textContent = told.entry;
  const may = told.admin && told.file;
  for (const e of add.querySelectorAll('.fields, [type=submit]')) e.hidden = !may;
  $('.only').hidden = may;
  for (const [name, value] of Object.entries(told.suggested)) if (!edited.has(name)) add.elements[name].value = value;
  add.elements.key_env.placeholder = told.key_env;
}

function choose(changes) {
  wanted = new Map([...wanted, ...Object.entries(changes)]);
  if ('hardware' in changes || 'model' in changes) wanted.delete('gpus');
  if ('engine' in changes || 'model' in changes) if (told?.hosted || !changes.artifact && told?.refusal) wanted.delete('artifact');
  look();
}
wish.addEventListener('change', ({ target }) => { if (target.value && target.checkValidity()) choose({ [target.name]: target.value }); else target.value = told.choice[target.name]; });
wish.addEventListener('submit', (event) => event.preventDefault());
guide.addEventListener('change', ({ target }) => { answers.set(target.name, target.value); look(); });
$('[data-act=take]').addEventListener('click', () => { const { engine, artifact } = told.guide.choice; choose(artifact ? { engine, artifact } : { engine }); });
for (const b of element.querySelectorAll('[data-form]')) b.addEventListener('click', () => { form = b.dataset.form; code(); });
for (const b of element.querySelectorAll('[data-copy]')) b.addEventListener('click', async () => {
  const pre = b.dataset.copy === 'code' ? $('.code pre') : b.parentElement.querySelector('pre');
  try { await navigator.clipboard.writeText(pre.textContent); b.textContent = 'Copied'; } catch {   // none for a page over plain HTTP
    getSelection().selectAllChildren(pre); b.textContent = 'Press Ctrl+C';
  }
  setTimeout(() => { b.textContent = 'Copy'; }, 3000);
});

function wrong(problems) {
  for (const name of ['name', 'base_url', 'key_env']) {
    const field = add.elements[name];
    tell(`#serve-${name}`, problems[name] || ''); field.ariaInvalid = problems[name] ? 'true' : 'false';
  }
  tell('.wrong.all', problems[''] || '');
  const first = ['name', 'base_url', 'key_env'].find((name) => problems[name]);
  if (first) add.elements[first].focus();
}
add.addEventListener('input', ({ target }) => edited.add(target.name));
add.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = $('.add [type=submit]'), said = Object.fromEntries(['name', 'base_url', 'key_env'].map((name) => [name, add.elements[name].value]));
  const choice = Object.fromEntries(Object.entries(told.choice).map(([name, value]) => [name, String(value)]));
  button.disabled = true;
  try {
    const { name } = await ask('serve/backend', { ...choice, ...said });
    wrong({}); edited.clear(); window.address.open('check', { backend: name });
  } catch (error) { wrong(error.told?.problems || { '': inWords(error) }); }
  button.disabled = false;
});

inTab('serve', (said) => { wanted = new Map(CHOICES.filter((name) => said[name]).map((name) => [name, said[name]])); look(); });
