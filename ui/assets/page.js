() => {
  // After a restart the page still shows what the old app knew: begin anew. Its address finds the comparison again.
  let app = null;
  setInterval(async () => {
    try {
      const health = await (await fetch('healthz', { signal: AbortSignal.timeout(2000) })).json();
      document.body.classList.remove('lost');
      if (app && app !== health.app) location.reload();
      app = health.app;
    } catch { document.body.classList.add('lost'); }
  }, 2000);

  // How the backends are, for all who show it.
  const look = async () => {
    if (document.hidden) return;
    try {
      window.backends = await (await fetch('backends.json', { signal: AbortSignal.timeout(2000) })).json();
      dispatchEvent(new Event('backends'));
    } catch { /* the next look tells */ }
  };
  look(); setInterval(look, 4000);

  // Gradio tells nobody that a picture was attached or removed, but for every key that is pressed.
  const prompt = document.getElementById('prompt');
  let pictures = 0;
  new MutationObserver(() => {
    const now = prompt.querySelectorAll('.thumbnail-item').length;
    if (now !== pictures) { pictures = now; document.getElementById('attached').click(); }
  }).observe(prompt, { childList: true, subtree: true });

  document.querySelector('#prompt .submit-button').setAttribute('aria-label', 'Run');
}
