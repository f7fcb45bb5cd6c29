// What a whole tab does whenever it is shown, or what its address says is gone back to: `come` is told what that says.
function inTab(name, come, go = () => {}) {
  let isShown = false;
  new IntersectionObserver(() => {
    if ((element.offsetParent !== null) === isShown) return;
    isShown = !isShown;
    isShown ? come(window.address.of(name) || {}) : go();
  }).observe(element);
  addEventListener('popstate', function back() {
    if (!element.isConnected) removeEventListener('popstate', back);
    else if (isShown && window.address.of(name)) come(window.address.of(name));
  });
}
