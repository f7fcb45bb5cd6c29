// A dialog that its cross, Escape and a click beside it close.
const sheet = $('dialog');
$('[data-act=close]').addEventListener('click', () => sheet.close());
sheet.addEventListener('click', (event) => { if (event.target === sheet) sheet.close(); });
sheet.addEventListener('keydown', (event) => event.stopPropagation());   // a key pressed in here rates nothing
