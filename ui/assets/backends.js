// Shows how all backends are, asked for anew while the tab is in sight. Text goes in as text.
const PACE = 5000;
const cards = new Map();

const count = (value) => value.toLocaleString([], { maximumFractionDigits: 1 });
const FACTS = [
  ['Context', (v) => v.context && `${count(v.context)} tokens`],
  ['Images', (v) => v.vision === null ? '' : v.vision ? 'sees them' : 'sees none'],
  ['Version', (v) => v.version],
  ['Parsers', (v) => v.parsers.join(', ')],
  ['Latency', (v) => v.latency_ms === null ? '' : `${count(v.latency_ms)} ms`],
];

function made(name) {
  const card = make('li', 'server'), head = make('header'), reach = make('span', 'reach'), foot = make('footer');
  reach.append(make('i'), make('b')); reach.firstChild.ariaHidden = true;
  head.append(make('strong', '', name), make('span', 'kind'), reach);
  const offers = make('details', 'offers'); offers.append(make('summary'), make('ul'));
  const again = make('button', '', 'Ask again'); again.ariaLabel = `Ask ${name} again`;
  again.addEventListener('click', async () => {
    again.disabled = true; say(again, 'Asking …');
    try { await fetch(`backends/${encodeURIComponent(name)}/refresh`, { method: 'POST' }); await look(); } catch { /* the page says when the app is gone */ }
    again.disabled = false; say(again, 'Ask again');
  });
  foot.append(make('time', 'asked'), again);
  card.append(head, make('p', 'model'), make('p', 'note'), make('p', 'problem'), make('p', 'trouble'), make('dl', 'facts'), make('dl', 'load'), offers, foot);
  card.querySelector('.load').title = 'By the server\'s own count, since it started';
  cards.set(name, card); return card;
}

function pairs(list, rows) {
  list.hidden = rows.length === 0;
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([name, value], i) => {
    let row = list.children[i];
    if (!row) { row = make('div'); row.append(make('dt'), make('dd')); list.append(row); }
    say(row.firstChild, name); say(row.lastChild, value);
  });
}

function shown(v) {
  const card = cards.get(v.name) || made(v.name), part = (selector) => card.querySelector(selector);
  card.dataset.reach = v.reach;
  say(part('.kind'), v.title); say(part('.reach b'), v.reach);
  say(part('.model'), [v.model || 'model not known', v.artifact].filter(Boolean).join(' · '));
  say(part('.note'), v.note);
  part('.problem').hidden = !v.problem; say(part('.problem'), v.problem);
  const before = v.problem ? null : v.trouble;
  part('.trouble').hidden = !before; say(part('.trouble'), before ? `Last trouble, ${new Date(before.at).toLocaleString()}: ${before.problem}` : '');
  pairs(part('.facts'), FACTS.map(([name, of]) => [name, of(v)]).filter(([, value]) => value));
  pairs(part('.load'), Object.entries(v.load).map(([name, value]) => [name, count(value)]));
  const offers = part('.offers'); offers.hidden = v.models.length < 2;
  say(offers.firstChild, `Offers ${v.models.length} models`);
  if (offers.lastChild.children.length !== v.models.length || offers.lastChild.textContent !== v.models.join('')) offers.lastChild.replaceChildren(...v.models.map((id) => make('li', '', id)));
  const time = part('.asked'); time.dateTime = v.asked_at || '';
  say(time, v.asked_at ? `asked at ${new Date(v.asked_at).toLocaleTimeString()}` : 'not asked yet');
  return card;
}

async function look() {
  const backends = await (await fetch('backends.json', { signal: AbortSignal.timeout(PACE) })).json();
  const list = $('.servers'), drawn = backends.map(shown);
  if (list.children.length !== drawn.length) list.replaceChildren(...drawn);
  $('.declare').hidden = backends.some((v) => v.kind !== 'local');
}

let seen = false;
const glance = () => { if (seen && !document.hidden) look().catch(() => {}); };
inTab('backends', () => { seen = true; glance(); }, () => { seen = false; });
document.addEventListener('visibilitychange', glance);
setInterval(glance, PACE);
