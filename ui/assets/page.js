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

  // The address says which tab is shown, as ?tab=serve, and what that tab says, which is there again when one comes back
  // to it. What Compare keeps there stays.
  const KEPT = ['run', 'lanes', '__theme'];
  const TABS = '.tabs [role=tab], .tabs .overflow-dropdown button';   // where they don't all fit in, the last are a menu
  const named = (each) => each.dataset.tabId || each.textContent.trim().toLowerCase();
  const find = (name) => [...document.querySelectorAll(TABS)].find((each) => named(each) === name);
  const params = () => Object.fromEntries(new URLSearchParams(location.search));
  const said = {};   // by tab, and by the part of a tab
  const remember = (tab, what) => { said[tab] = what; if (what.part) said[what.part] = what; };
  function press(name) {   // once more, as long as the address says so: tabs that are just being built don't hear it
    const to = find(name);
    if (!to || to.ariaSelected === 'true') return;
    to.click();
    setTimeout(() => { const { tab = 'compare', part } = params(); if ([tab, part].includes(name)) press(name); }, 200);
  }
  window.address = {
    of(wanted) {   // null: another tab's
      const { tab = 'compare', ...what } = params();
      for (const key of KEPT) delete what[key];
      return tab === wanted ? what : null;
    },
    say(tab, what, replace = false) {
      const from = new URLSearchParams(location.search), to = new URLSearchParams(from);
      for (const key of from.keys()) if (!KEPT.includes(key)) to.delete(key);
      for (const [key, value] of Object.entries(tab === 'compare' ? {} : { tab, ...what })) if (value) to.set(key, value);
      remember(tab, what);
      if (from.size === to.size && [...from].every(([key, value]) => to.get(key) === value)) return;   // in whatever order
      history[replace ? 'replaceState' : 'pushState']({}, '', to.size ? `?${to}` : location.pathname);
    },
    open(tab, what) {   // or a part of the tab that is shown
      if (what) remember(tab, what);
      press(tab);
      return !!find(tab);
    },
  };
  document.addEventListener('click', (event) => {   // a link to a tab leaves the page as it is
    const link = event.target.closest('a[href^="?tab="]'), { tab, ...what } = Object.fromEntries(new URLSearchParams(link?.search));
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && window.address.open(tab, what)) event.preventDefault();
  });
  document.addEventListener('click', ({ target }) => {
    const chosen = target.closest(TABS), name = chosen && named(chosen);
    if (chosen?.closest('#measures')) window.address.say('measure', said[name] || { part: name });
    else if (chosen) window.address.say(name, said[name] || {});
  });
  function arrive() {
    const { tab = 'compare' } = params();
    remember(tab, window.address.of(tab)); press(tab);
  }
  addEventListener('popstate', arrive); arrive();
}
