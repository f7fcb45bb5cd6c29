// Shows one lane. Everything that a model wrote goes in as text, never as markup; what is already on the page is only appended to.
const say = (e, text) => { if (e.textContent !== text) e.textContent = text; };
const card = $('.card'), trace = $('.trace'), fold = $('.reasoning');
const written = document.createTextNode(''); trace.append(written);
const letter = (element.closest('.lane') || { id: '' }).id.slice(-1);
for (const b of element.querySelectorAll('.actions button')) b.setAttribute('aria-label', b.title.replace('this lane', `lane ${letter}`).replace('the answer', `answer ${letter}`));
let key = null, touched = false, shown = {};

fold.querySelector('summary').addEventListener('click', () => { touched = true; });
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  switch (button.dataset.act) {
    case 'stop': trigger('stop'); break;
    case 'duplicate': trigger('duplicate'); break;
    case 'remove': trigger('remove'); break;
    case 'copy': {
      const { answer } = props.value;
      await navigator.clipboard.writeText(await (await fetch(answer)).text());
      card.classList.add('copied'); setTimeout(() => card.classList.remove('copied'), 1200);
    }
  }
});

function figures(rows) {
  const list = $('.figures');
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([name, value, help], i) => {
    let row = list.children[i];
    if (!row) { row = make('div'); row.append(make('dt'), make('dd')); list.append(row); }
    say(row.firstChild, name); say(row.lastChild, value); row.title = help;
  });
}

function calls(list) {
  const box = $('.calls');
  while (box.children.length > list.length) box.lastChild.remove();
  list.forEach(({ name, args, state }, i) => {
    let call = box.children[i];
    if (!call) {
      call = make('details', 'call'); call.open = true;
      const head = make('summary'); head.append(make('code'), make('em')); call.append(head, make('pre')); box.append(call);
    }
    say(call.querySelector('code'), name); say(call.querySelector('em'), state); say(call.querySelector('pre'), args);
  });
}

function render() {
  const v = props.value || {};
  if (v.key !== key) { key = v.key; touched = false; written.data = ''; }
  card.dataset.state = v.state || 'idle';
  say($('.state b'), v.state_name || 'ready');
  say($('.label'), v.label || ''); say($('.note'), v.note || '');
  $('[data-act=stop]').hidden = !v.live; $('[data-act=copy]').hidden = !v.answer;
  figures(v.figures || []); calls(v.calls || []);
  const error = $('.error'); error.hidden = !v.error; say(error, v.error || '');
  const reasoning = v.reasoning || '';
  fold.hidden = !reasoning;
  if (!reasoning.startsWith(written.data)) written.data = '';
  if (reasoning.length > written.data.length) {
    const pinned = trace.scrollHeight - trace.scrollTop - trace.clientHeight < 40;
    written.appendData(reasoning.slice(written.data.length));
    if (pinned) trace.scrollTop = trace.scrollHeight;
  }
  say(fold.querySelector('em'), v.thought || '');
  if (!touched) fold.open = v.state === 'thinking';
}
watch('value', render); render();
