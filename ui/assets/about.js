// Shows what to know of a lane before it is asked. How its backend is right now comes from the page's own question to the app.
const about = $('.about');
const row = (kind, text) => make('li', kind, text);

function reach() {
  const name = (props.value || {}).backend;
  const now = (window.backends || []).find((backend) => backend.name === name) || {};
  about.dataset.reach = now.reach || '';
  $('.reach b').textContent = now.reach || '';
  $('.reach').title = now.problem || '';
}

function render() {
  const v = props.value || {};
  $('.size').textContent = [v.size, v.images].filter(Boolean).join(' · ');
  about.classList.toggle('over', Boolean(v.over));
  $('.notes').replaceChildren(...(v.notes || []).map((text) => row('note', text)), ...(v.caveats || []).map((text) => row('caveat', text)));
  reach();
  // one of them asks for all
  if (v.backend && !v.size) window.weighing ||= setTimeout(() => { window.weighing = 0; trigger('edit'); }, 50);
}
addEventListener('backends', reach);
watch('value', render); render();
