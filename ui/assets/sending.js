// Asks others to rate this comparison: how many, or nobody any more.
let run = null, acts = 0;
const send = (overlap) => trigger('send', { run, overlap, number: ++acts });
$('form').addEventListener('submit', (event) => { event.preventDefault(); send(Number($('input').value)); });
$('[data-act=back]').addEventListener('click', () => send(0));
function render() {
  const v = props.value || {};
  $('.sending').hidden = !v.run;
  if (!v.run) return;
  if (v.run !== run) { run = v.run; acts = v.number; $('input').value = v.usual; }
  if (v.number !== acts) return;   // read before what was asked for here since
  $('input').max = v.most;
  $('form').hidden = v.overlap > 0; $('.sent').hidden = v.overlap === 0;
  $('.sent span').textContent = `In the rating queue: ${v.rated} of ${v.overlap} ratings.`;
  $('.said').textContent = v.said;
}
watch('value', render); render();
