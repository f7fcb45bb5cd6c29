// Asks who rates, shows how far they are, keeps their places as long as the page is in sight and gives them back when it goes.
const NAME = 'lanewise.evaluator', PATIENCE = 15000, RENEWAL = 120000;   // of places that expire after 10 minutes
const show = (selector, wanted) => { $(selector).hidden = !wanted; };
const known = () => account || localStorage.getItem(NAME) || '';
let naming = false, holding = [];

const send = (path) => navigator.sendBeacon(path, new Blob([JSON.stringify(holding)], { type: 'application/json' }));
const serve = () => {
  naming = !known();
  if (naming) render(); else trigger('serve', { evaluator: known(), after: '' });
};

function render() {
  const v = props.value || {}, name = known();
  if (v.state === 'ready' && !naming) { serve(); if (!naming) return; }
  if (v.runs) holding = v.runs.filter(Boolean);
  for (const src of v.images || []) new Image().src = src;
  show('.name', naming); show('.far', v.evaluator && !naming);
  show('.empty', v.state === 'empty' && !naming); show('.problem', v.state === 'problem' && !naming);
  if (naming && document.activeElement !== $('.name input')) { $('.name input').value = name; $('.name input').focus(); }
  if (v.evaluator) {
    $('.count').textContent = `${v.rated.toLocaleString()} rated by you, ${v.left.toLocaleString()}${v.far ? ' or more' : ''} left`;
    $('.far progress').max = Math.max(1, v.rated + v.left); $('.far progress').value = v.rated;
    $('.as b').textContent = v.evaluator; show('.as button', !account);
    $('.empty h2').textContent = v.rated ? 'Nothing more waits for you' : 'Nothing waits for you';
    $('.why').textContent = v.total ? `${v.complete.toLocaleString()} of ${some(v.total, 'comparison')} in the queue have all their ratings. What you made, rated or saw uncovered is not given to you; what others are rating just now may come back.` : 'The rating queue is empty.';
  }
  $('.problem p').textContent = v.text || '';
  show('.problem a', v.run); $('.problem a').href = `../?run=${encodeURIComponent(v.run || '')}`;
}

$('.name').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = $('.name input').value.trim();
  if (!name) return;
  localStorage.setItem(NAME, name); naming = false;
  const bar = document.querySelector('#rating .name');
  if (bar) { bar.value = name; bar.dispatchEvent(new Event('change')); }
  $('.name input').blur(); serve();
});
element.addEventListener('click', ({ target }) => {
  if (target.dataset.act === 'change') { naming = true; render(); }
  if (target.dataset.act === 'look') serve();
});

setInterval(() => { if (!document.hidden && holding.length) send('hold'); }, RENEWAL);
setInterval(() => { if (!document.hidden && !naming && (props.value || {}).state === 'empty') serve(); }, PATIENCE);
addEventListener('pagehide', () => { if (holding.length) send('leave'); });
watch('value', render); render();
