// Shows what a lane was sent and what came back, when its card asks by the event `raw`. Text goes in as text.
const said = $('.said'), acts = $('.acts'), requests = $('.requests'), response = $('.response');

function copies(name, address) {
  const button = make('button', '', name); button.dataset.copy = address;
  return button;
}

function downloads(name, address) {
  const link = make('a', '', name); link.href = address; link.download = '';
  return link;
}

function request({ body, more, remarks, at }, i, all) {
  const box = make('section'), row = make('div', 'acts'), text = make('pre', '', body);
  const name = `Request as sent${all.length > 1 ? `, round ${i + 1} of ${all.length}` : ''}`;
  text.tabIndex = 0; text.setAttribute('role', 'region'); text.setAttribute('aria-label', name);
  row.append(copies('Copy', `${at}.json`), copies('Copy as curl', `${at}.sh`), copies('Copy as Python', `${at}.py`), downloads('Download', `${at}.json`));
  box.append(make('h3', '', name), row, ...remarks.map((remark) => make('p', 'remark', remark)), text);
  if (more) box.append(make('p', 'more', `${more} more characters are in the download.`));
  return box;
}

function show({ letter, requests: sent, images, events, more, response: address }) {
  $('#raw-title').textContent = `Lane ${letter}: request and response`;
  requests.replaceChildren(...sent.map(request));
  if (images.length) {
    const row = make('div', 'acts');
    row.append(...images.map(({ src, name }) => { const link = downloads(`Image ${name}`, src); link.download = name; return link; }));
    requests.append(row);
  }
  acts.replaceChildren(copies('Copy', address), downloads('Download', address));
  response.querySelector('pre').textContent = events;
  response.querySelector('.more').textContent = more ? `${more} more events are in the download.` : '';
  response.hidden = false; said.textContent = sent.length ? '' : 'No request of this lane left.';
}

async function open(address) {
  requests.replaceChildren(); response.hidden = true;
  $('#raw-title').textContent = 'Request and response'; said.textContent = 'Looking it up …';
  sheet.showModal();
  try { show(await ask(address)); } catch (error) { said.textContent = inWords(error); }
}

addEventListener('raw', (event) => open(event.detail));
element.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(await (await fetch(button.dataset.copy)).text());
    const name = button.textContent;
    button.textContent = 'Copied'; button.disabled = true;
    setTimeout(() => { button.textContent = name; button.disabled = false; }, 1200);
  } catch { said.textContent = 'This browser lets nothing be copied here: download it.'; }
});
