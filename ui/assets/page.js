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
  // a moment later, so as not to stand in the way of a run that begins.
  const prompt = document.getElementById('prompt');
  let pictures = 0, settling = 0;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(() => document.getElementById('settled').click(), 400);
  };
  prompt.addEventListener('focusout', settle);
  new MutationObserver(() => {
    const now = prompt.querySelectorAll('.thumbnail-item').length;
    if (now !== pictures) { pictures = now; settle(); }
    for (const item of prompt.querySelectorAll('[role=listitem]')) item.role = 'group';   // there is no list around it
  }).observe(prompt, { childList: true, subtree: true });

  // a list closes when Tab leaves its field: Gradio would open it once more, and the keyboard stop at it
  addEventListener('keydown', (event) => {
    if (event.key !== 'Tab' || event.target.role !== 'combobox') return;
    event.stopImmediatePropagation();
    for (const list of document.querySelectorAll('ul[role=listbox]')) list.tabIndex = -1;
  }, true);

  document.querySelector('#prompt .submit-button').setAttribute('aria-label', 'Run');
}
