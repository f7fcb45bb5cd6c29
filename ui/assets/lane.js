// Shows one lane. Everything that a model wrote goes in as text, never as markup; what is already on the page is only appended to.
const tell = (name, value) => { if (card.dataset[name] !== value) card.dataset[name] = value; };   // others watch for changes
const card = $('.card'), trace = $('.trace'), fold = $('.reasoning');
const letter = (element.closest('.lane') || { id: '' }).id.slice(-1);
for (const b of element.querySelectorAll('.actions button')) b.setAttribute('aria-label', b.title.replace('this lane', `lane ${letter}`).replace('the answer', `answer ${letter}`));
$('.which').textContent = letter;
let key = null, touched = false, written = '', pinned = true, scrolling = 0;

fold.querySelector('summary').addEventListener('click', () => { touched = true; });
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  switch (button.dataset.act) {
    case 'stop': trigger('stop'); break;
    case 'again': trigger('again'); break;
    case 'focus': dispatchEvent(new CustomEvent('alone', { detail: letter })); break;
    case 'duplicate': trigger('duplicate'); break;
    case 'remove':   // the last place goes, with what was pressed
      if (!element.closest('.lane').nextElementSibling) element.closest('.lane').previousElementSibling?.querySelector('[data-act=remove]').focus();
      trigger('remove'); break;
    case 'raw': dispatchEvent(new CustomEvent('raw', { detail: props.value.raw })); break;
    case 'copy': {
      const { answer } = props.value;
      await navigator.clipboard.writeText(await (await fetch(answer)).text());
      card.classList.add('copied'); setTimeout(() => card.classList.remove('copied'), 1200);
    }
  }
});

// as many children as the list has, each made once and then only filled: what a person opened or typed stays
function list(box, items, made, fill) {
  while (box.children.length > items.length) box.lastChild.remove();
  items.forEach((item, i) => { if (!box.children[i]) box.append(made(i)); fill(box.children[i], item, i); });
}

function figures(box, rows) {
  list(box, rows, () => { const row = make('div'); row.append(make('dt'), make('dd')); return row; },
    (row, [name, value, help]) => { say(row.firstChild, name); say(row.lastChild, value); row.title = help; });
}

function flags(box, found, kind = 'flag') {
  list(box, found, () => { const flag = make('details', kind); flag.append(make('summary'), make('p')); return flag; },
    (flag, { title, detail }) => { say(flag.firstChild, title); flag.firstChild.title = detail; say(flag.lastChild, detail); });
}

function newSample() {
  const sample = make('li'), text = make('details');
  text.append(make('summary'), make('pre'));
  text.addEventListener('toggle', async () => {
    if (text.open) say(text.lastChild, await (await fetch(text.dataset.url)).text());
  });
  sample.append(text);
  return sample;
}

// a lane's samples: their spread, and what each of them said
function samples(taken) {
  const box = $('.samples'); box.hidden = !taken;
  if (!taken) return;
  say(box.querySelector('summary span'), taken.title); say(box.querySelector('summary em'), taken.same);
  figures(box.querySelector('dl'), taken.figures);
  list(box.querySelector('ol'), taken.each, newSample, ({ firstChild: text }, { state, figures, url }) => {
    say(text.firstChild, [state, figures].filter(Boolean).join(' · ')); text.dataset.url = url;
  });
}

function newCall(i) {
  const call = make('details', 'call'), head = make('summary'), result = make('div', 'result');
  head.append(make('code'), make('em')); result.append(make('span'), make('p'));
  call.append(head, make('pre'), make('p', 'problem'), result, asking(i)); call.open = true;
  return call;
}

// where a person types what a call is answered
function asking(i) {
  const form = make('form'), text = make('textarea'), give = make('button', '', 'Give result');
  give.type = 'submit'; text.rows = 2; text.required = true; text.placeholder = 'What the tool answers. Lanes that make the same call get it too.';
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault(); form.requestSubmit();
  });
  form.addEventListener('submit', (event) => { event.preventDefault(); trigger('give', { key, call: i, content: text.value }); });
  form.append(text, give);
  return form;
}

function calls(box, made) {
  list(box, made, newCall, (call, { name, args, state, problem, source, result, asks }, i) => {
    say(call.querySelector('code'), name); say(call.querySelector('em'), state); say(call.querySelector('pre'), args);
    say(call.querySelector('.problem'), problem);
    call.querySelector('.result').hidden = !source;
    say(call.querySelector('.result span'), source); say(call.querySelector('.result p'), result);
    call.querySelector('form').hidden = !asks;
    call.querySelector('textarea').setAttribute('aria-label', `Result of call ${i + 1}, ${name}`);
  });
}

// A block of lines is laid out anew when something is added to it: it must not be the whole reasoning. And to ask where
// it is scrolled to, before all lanes are written, would lay the page out once for each of them.
const BLOCK = 4000;
function think(reasoning) {
  if (!reasoning.startsWith(written)) { trace.replaceChildren(); written = ''; pinned = true; }
  for (const line of reasoning.slice(written.length).split(/(?<=\n)/)) {
    let text = trace.lastChild?.firstChild;
    if (!text || (text.length > BLOCK && text.data.endsWith('\n'))) {
      text = document.createTextNode('');
      trace.appendChild(make('div')).append(text);
    }
    text.appendData(line);
  }
  written = reasoning;
  if (pinned && !scrolling) scrolling = requestAnimationFrame(() => { scrolling = 0; trace.scrollTop = trace.scrollHeight; });
}
trace.addEventListener('scroll', () => { pinned = trace.scrollHeight - trace.scrollTop - trace.clientHeight < 40; });

function render() {
  const v = props.value || {};
  if (v.key !== key) {   // another run: nothing that was opened or typed here is about it
    key = v.key; touched = false;
    for (const each of ['.crowded', '.cached', '.flags', '.calls']) $(each).replaceChildren(); $('.measured').open = $('.samples').open = false; $('.samples ol').replaceChildren();
  }
  tell('key', v.key || ''); tell('state', v.state || 'idle');
  say($('.state b'), v.state_name || 'ready');
  say($('.label'), v.label || '');
  $('[data-act=stop]').hidden = !v.live; $('[data-act=copy]').hidden = !v.answer;
  $('[data-act=raw]').hidden = !v.raw || !document.getElementById('raw');
  $('[data-act=again]').hidden = !v.again || !new URL(location).searchParams.has('run') || !document.getElementById('composer');
  $('[data-act=focus]').hidden = !v.state;
  const reading = $('.reading'); reading.hidden = !v.reading;
  if (v.reading) { const [done, total] = v.reading; reading.firstChild.max = total; reading.firstChild.value = done; say(reading.lastChild, `reading the prompt ${done} / ${total}`); }
  figures($('.figures'), v.figures || []); figures($('.measured dl'), v.measured || []); $('.measured').hidden = !(v.measured || []).length; say($('.measured em'), v.measured_of || '');
  samples(v.samples); flags($('.crowded'), v.crowded || [], 'remark'); flags($('.cached'), v.cached || [], 'remark'); flags($('.flags'), v.flags || []); calls($('.calls'), v.calls || []);
  const error = $('.error'); error.hidden = !v.error; say(error, v.error || '');
  const reasoning = v.reasoning || '';
  fold.hidden = !reasoning;
  if (reasoning !== written) think(reasoning);
  say(fold.querySelector('em'), v.thought || '');
  if (!touched) fold.open = v.state === 'thinking';
}
watch('value', render); render();
