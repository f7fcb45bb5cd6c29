() => {
  // After a restart the page still shows what the old app knew: begin anew. Its address finds the comparison again.
  let app = null;
  const look = async () => {
    try {
      const health = await (await fetch('healthz', { signal: AbortSignal.timeout(2000) })).json();
      document.body.classList.remove('lost');
      if (app && app !== health.app || health.login) location.reload();   // which leads to the login, and back
      app = health.app;
    } catch { document.body.classList.add('lost'); }
  };
  look();  // at once: an app that is gone two seconds later was this page's
  setInterval(look, 2000);

  // Who is logged in, and the way out.
  const [, name] = /(?:^|; )lanewise_account=([^;]+)/.exec(document.cookie) || [];
  if (!name) return;
  const home = location.pathname.replace(/rate\/?$/, ''), box = document.createElement('div'), out = document.createElement('button');
  box.className = 'account'; box.append(Object.assign(document.createElement('span'), { textContent: decodeURIComponent(name) }), out);
  Object.assign(out, { type: 'button', textContent: 'Log out', title: box.textContent });
  out.addEventListener('click', async () => { await fetch(`${home}logout`, { method: 'POST', redirect: 'manual' }); location.href = `${home}login`; });
  document.querySelector('.gradio-container .contain').prepend(box);   // where the page's styles reach
}
