// What the scripts of this folder share. Text always goes in as text, never as markup.
const $ = (selector) => element.querySelector(selector);
const make = (tag, kind, text) => {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
};
