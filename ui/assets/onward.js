// Goes on to the next comparison once this one is rated: by a button, by a key, or by itself.
const NAME = 'lanewise.evaluator', AT_ONCE = 'lanewise.onward';
const next = $('button'), at_once = $('input');
at_once.checked = localStorage.getItem(AT_ONCE) === 'yes';
at_once.addEventListener('change', () => {
  localStorage.setItem(AT_ONCE, at_once.checked ? 'yes' : 'no');
  at_once.blur();   // in a field, the keys that rate would not
});
let before = {}, hurried = false;
const isSaving = () => !!document.querySelector('#rating [aria-busy=true]');

function go() {
  if (next.disabled) { hurried = isSaving(); return; }   // asked for while the rating is being stored: then
  next.disabled = true;
  trigger('serve', { evaluator: account || localStorage.getItem(NAME), after: props.value.run });
}
next.addEventListener('click', go);

function render() {
  const v = props.value || {};
  $('.onward').hidden = !v.run; next.disabled = !v.rated;
  if (before.run !== v.run) hurried = false;
  if (v.rated && hurried || at_once.checked && v.over && before.run === v.run && !before.over) go();
  before = v;
}

document.addEventListener('keydown', (event) => {
  if (!(props.value || {}).run || event.defaultPrevented || !isCommand(event)) return;
  if (event.key === 'n' || (event.key === 'Enter' && !event.target.closest('button, summary, a'))) { event.preventDefault(); go(); }
});
watch('value', render); render();
