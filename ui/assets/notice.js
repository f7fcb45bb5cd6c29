// Says what has to be mended. Text goes in as text.
const notice = $('.notice');
const render = () => { notice.textContent = props.value || ''; notice.hidden = !props.value; };
watch('value', render); render();
