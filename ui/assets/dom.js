// What the scripts of this folder share. Text always goes in as text, never as markup.
// who is logged in, "" without a login; a rating stands under this name whatever the page sends
const account = decodeURIComponent((/(?:^|; )lanewise_account=([^;]+)/.exec(document.cookie) || [])[1] || '');
const $ = (selector) => element.querySelector(selector);
const make = (tag, kind, text) => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (tag === 'button') made.type = 'button';
  if (text !== undefined) made.textContent = text;
  return made;
};
const field = (name) => $(`[name=${name}]`);
const say = (e, text) => { if (e.textContent !== text) e.textContent = text; };   // what is the same is not announced again
const some = (count, word) => `${count.toLocaleString()} ${word}${count === 1 ? '' : 's'}`;
const moment = (at) => new Date(at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
// a key that is neither typed into something nor meant for the browser
const isCommand = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest(
  'input:not([type=checkbox], [type=radio], [type=range]), textarea, select, dialog, [role=dialog], [contenteditable], [role=listbox], .cm-editor');
