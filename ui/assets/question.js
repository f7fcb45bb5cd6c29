// Shows what was asked: the turns of the conversation so far, the text, the images. Text goes in as text.
function render() {
  const v = props.value || {};
  $('.question').hidden = !v.run; $('.question').dataset.run = v.run || '';
  document.getElementById('lanes')?.toggleAttribute('data-sealed', !!v.sealed);
  if (!v.run) return;
  $('.thread').hidden = v.thread.length < 2;
  $('.thread').replaceChildren(...v.thread.map((turn, i) => {
    const a = make('a', '', `${i + 1}. ${turn.title}`); a.href = `?run=${encodeURIComponent(turn.id)}`;
    if (turn.id === v.run) a.setAttribute('aria-current', 'true');
    return a;
  }));
  $('.asked').textContent = v.text;
  $('.images').replaceChildren(...v.images.map(({ src, width, height }, i) => {
    const link = make('a'); link.href = src; link.target = '_blank';
    const img = make('img'); img.src = src; img.width = width; img.height = height; img.alt = `Image ${i + 1}, ${width} × ${height}`;
    link.append(img); return link;
  }));
  $('.more').hidden = !v.more; $('.more summary').textContent = v.about || ''; $('.more pre').textContent = v.more || '';
}
watch('value', render); render();
