// Chooses, saves, deletes and shares the lanes below. Names go in as text.
const select = $('select'), form = $('form'), name = $('form input'), link = $('.link'), hint = $('.hint');
const drop = $('[data-act=drop]'), naming = $('[data-act=name]');
let asked = 0, timer = 0;

function tell(text) {
  hint.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { hint.textContent = ''; }, 6000);
}
function unfold(open) {
  form.hidden = !open;
  naming.setAttribute('aria-expanded', open);
  if (open) { name.value = own() ? chosen() : ''; name.focus(); name.select(); }
}
const chosen = () => select.selectedOptions[0]?.dataset.name || '';
const own = () => select.selectedOptions[0]?.parentElement.dataset.own === 'yes';
function offerDeleting(sure) { drop.hidden = !own(); drop.dataset.sure = sure ? 'yes' : ''; drop.textContent = sure ? 'Really delete?' : 'Delete'; }

select.addEventListener('change', () => { offerDeleting(false); if (chosen()) trigger('choose', { name: chosen(), own: own() }); });
drop.addEventListener('click', () => { if (drop.dataset.sure) trigger('drop', { name: chosen() }); else offerDeleting(true); });
drop.addEventListener('blur', () => offerDeleting(false));
naming.addEventListener('click', () => unfold(form.hidden));
form.addEventListener('submit', (event) => { event.preventDefault(); trigger('keep', { name: name.value }); unfold(false); naming.focus(); });
form.addEventListener('keydown', (event) => { if (event.key === 'Escape') { unfold(false); naming.focus(); } });
$('[data-act=share]').addEventListener('click', () => { asked = Date.now(); trigger('tell', { asked, chosen: chosen() }); });

async function copy(address) {
  const whole = location.origin + location.pathname + address;
  try {
    await navigator.clipboard.writeText(whole);
    link.hidden = true; tell('Link copied.');
  } catch { // no clipboard for a page that came over plain HTTP from another machine
    link.value = whole; link.hidden = false; link.focus(); link.select(); tell('Copy it from here.');
  }
}

function group(label, mine, names) {
  const made = make('optgroup'); made.label = label; made.dataset.own = mine;
  made.append(...names.map(([value, missing]) => {
    const option = new Option(missing ? `${value} (${missing})` : value);
    option.dataset.name = value; option.disabled = Boolean(missing);
    return option;
  }));
  return made;
}
function render() {
  const v = props.value; if (!v) return;
  const before = v.chosen ?? '';
  const groups = [group('Ready', 'no', v.standard.map((each) => [each.name, each.missing]))];
  if (v.own.length) groups.push(group('Saved', 'yes', v.own.map((each) => [each])));
  select.replaceChildren(select.options[0], ...groups);
  const now = [...select.options].reverse().find((option) => option.dataset.name === before); // one's own comes last
  if (now) now.selected = true; else select.selectedIndex = 0;
  offerDeleting(false);
  if (v.said) tell(v.said);
  if (v.link && v.asked === asked) { asked = 0; copy(v.link); }
}
watch('value', render); render();
