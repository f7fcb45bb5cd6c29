() => {
  // How the backends are, for all who show it.
  const look = async () => {
    if (document.hidden) return;
    try {
      window.backends = await (await fetch('backends.json', { signal: AbortSignal.timeout(2000) })).json();
      dispatchEvent(new Event('backends'));
    } catch { /* the next look tells */ }
  };
  look(); setInterval(look, 4000);

  // The prompt is weighed when its box is left, and when pictures come or go, of which Gradio tells only with every key;
  // a moment later, so as not to stand in the way.
  const prompt = document.getElementById('prompt');
  let pictures = 0, settling = 0;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(() => document.getElementById('settled').click(), 400);
  };
  prompt.addEventListener('focusout', ({ relatedTarget: to }) => {
    if (to?.id !== 'lanes') { settle(); return; }
    clearTimeout(settling);   // a run has begun, whose answers advice would push down: it comes when the box is used again
    prompt.addEventListener('focusin', settle, { once: true });
  });
  new MutationObserver(() => {
    const now = prompt.querySelectorAll('.thumbnail-item').length;
    if (now !== pictures) { pictures = now; settle(); }
    for (const item of prompt.querySelectorAll('[role=listitem]')) item.role = 'group';   // there is no list around it
  }).observe(prompt, { childList: true, subtree: true });

  // Who runs a prompt before the lanes of the address are there means those: it waits for them.
  const button = prompt.querySelector('.submit-button');
  let waits = false;
  const wait = (event) => {
    const runs = event.type === 'click' ? button.contains(event.target) : event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.target.localName === 'textarea';
    if (window.arrived || !runs) return;
    event.preventDefault(); event.stopImmediatePropagation();
    waits = true; button.ariaBusy = 'true';
  };
  for (const kind of ['keydown', 'click']) prompt.addEventListener(kind, wait, true);
  addEventListener('arrived', () => {
    button.ariaBusy = 'false';
    if (waits) requestAnimationFrame(() => button.click());
    waits = false;
  });

  // a list closes when Tab leaves its field: Gradio would open it once more, and the keyboard stop at it
  addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' || event.target.role !== 'combobox') return;
    event.stopImmediatePropagation();
    for (const list of document.querySelectorAll('ul[role=listbox]')) list.tabIndex = -1;
  }, true);

  button.setAttribute('aria-label', 'Run');

  // These tabs can be linked, as ?tab=serve; what else their addresses say is theirs. History keeps its own.
  const LINKED = ['serve', 'check'], KEPT = ['run', 'lanes'];
  const TABS = '.tabs [role=tab], .tabs .overflow-dropdown button';   // where they don't all fit in, the last are a menu
  const named = (each) => each.textContent.trim().toLowerCase();
  let says = {};
  document.addEventListener('click', ({ target }) => {
    const chosen = target.closest(TABS);
    if (!chosen) return;
    const to = new URL(location), name = named(chosen), linked = LINKED.includes(name);
    if (linked || LINKED.includes(to.searchParams.get('tab'))) {
      for (const key of [...to.searchParams.keys()]) if (!KEPT.includes(key)) to.searchParams.delete(key);
      for (const [key, value] of Object.entries(linked ? { tab: name, ...says } : {})) to.searchParams.set(key, value);
      history.replaceState({}, '', to);
    }
    dispatchEvent(new CustomEvent('tab', { detail: name }));
  });
  window.openTab = (name, said = {}) => {
    const found = [...document.querySelectorAll(TABS)].find((each) => named(each) === name);
    says = said; found?.click(); says = {};
    return !!found;
  };
  const { tab, ...rest } = Object.fromEntries(new URL(location).searchParams);
  if (LINKED.includes(tab)) window.openTab(tab, rest);
}
