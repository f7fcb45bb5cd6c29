// Shows what to know of a lane before it is asked. How its backend is right now comes from the page's own question to the app.
const about = $('.about');
const row = (kind, text) => make('li', kind, text);

function reach() {
  const name = (props.value || {}).backend;
  const now = (window.backends || []).find((backend) => backend.name === name) || {};
  about.dataset.reach = now.reach || '';
  $('.reach').hidden = !name;
  $('.reach b').textContent = now.reach || '';
  $('.reach').title = now.problem || '';
  checked(name, now.checked);
}

// what its last check found wrong; the link shows the matrix, and leaves the page as it is
const MOST = 3;
function checked(name, failed) {
  const box = $('.failed'), link = $('.failed a');
  box.hidden = !failed;
  if (!failed) return;
  const titles = failed.titles.slice(0, MOST).join(', '), more = failed.titles.length - MOST;
  const day = new Date(failed.at).toLocaleDateString([], { day: 'numeric', month: 'short' });
  const text = `Last check failed: ${failed.failed} of ${failed.of} probes (${titles}${more > 0 ? ` and ${more} more` : ''}), ${day}`;
  say(link, text);
  link.href = `?${new URLSearchParams({ tab: 'check', backend: name })}`;
}

function render() {
  const v = props.value || {};
  $('.size').textContent = [v.size, v.images].filter(Boolean).join(' · ');
  about.classList.toggle('over', Boolean(v.over));
  $('.notes').replaceChildren(...(v.notes || []).map((text) => row('note', text)), ...(v.caveats || []).map((text) => row('caveat', text)));
  const advised = v.suggestion;
  $('.advice').hidden = !advised;
  if (advised) {
    $('.advice span').textContent = `Looks like ${advised.reason}: as a rule of thumb, effort ${advised.effort}.`;
    $('.advice button').textContent = `Use ${advised.effort}`;
  }
  reach();
  // one of them asks for all
  if (v.backend && !v.size) window.weighing ||= setTimeout(() => { window.weighing = 0; trigger('edit'); }, 50);
}
// as if the person had chosen it: the lane is then weighed anew
$('.advice button').addEventListener('click', () => {
  const choice = [...element.closest('.lane').querySelectorAll('[id^=effort-] input')].find((input) => input.value === props.value.suggestion.effort);
  choice?.focus(); choice?.click();
});
addEventListener('backends', reach);
watch('value', render); render();
