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
}
