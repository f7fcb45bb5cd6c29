// Ready prompts as cards, by groups. Text goes in as text.
function card(each) {
  const made = make('button'), words = make('span', 'words');
  made.dataset.name = each.name;
  words.append(make('strong', '', each.name), make('span', 'about', each.about), make('span', 'effort', `effort ${each.effort}`));
  if (each.image) {
    const picture = make('img'); picture.src = each.image; picture.alt = ''; picture.loading = 'lazy';
    made.append(picture);
  }
  made.append(words);
  return made;
}
function render() {
  $('.library').replaceChildren(...(props.value || []).map((group) => {
    const section = make('section'), cards = make('div', 'cards');
    cards.append(...group.prompts.map(card));
    section.append(make('h3', '', group.name), cards);
    return section;
  }));
}
element.addEventListener('click', (event) => {
  const picked = event.target.closest('button[data-name]');
  if (!picked) return;
  trigger('pick', { name: picked.dataset.name });
  document.querySelector('#prompt textarea').focus(); // the part closes
});
watch('value', render); render();
