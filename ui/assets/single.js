// Replays the answers that stand in this file, with the times at which they came. The finished text is there from the
// start: a moment of the replay shows as much of it as had come by then, so any moment is as near as any other.
const { second, lanes } = JSON.parse(document.getElementById('replay').textContent);
const player = document.querySelector('.player'), button = player.querySelector('button');
const seek = player.querySelector('input'), clock = player.querySelector('output'), speed = player.querySelector('select');
const stage = document.querySelector('.lanes');

// [ticks since the last, characters, ...] as two rows that only grow
function unpacked(packed) {
  const at = [], sizes = [];
  for (let i = 0; i < packed.length; i += 2) { at.push((at.at(-1) || 0) + packed[i]); sizes.push((sizes.at(-1) || 0) + packed[i + 1]); }
  return { at, sizes };
}

function until(row, moment) {   // how many of a growing row are not after the moment
  let low = 0, high = row.length;
  while (low < high) { const middle = (low + high) >> 1; if (row[middle] <= moment) low = middle + 1; else high = middle; }
  return low;
}

// What a box holds, to be shown in part: what stands behind the part is away, as it was before it came. Only the block
// in which the part ends is gone through; those before it are whole, those behind it hidden.
function growing(box, packed) {
  const { at, sizes } = unpacked(packed), whole = sizes.at(-1) || 0;
  let total = 0, shown = -1;
  const blocks = [...box.childNodes].map((node) => {
    const from = total, parts = [];
    const walk = document.createTreeWalker(node, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let each = node; each; each = walk.nextNode()) {
      const text = each.nodeType === Node.TEXT_NODE ? each.data : null;
      parts.push({ node: each, from: total, text });
      if (text) total += text.length;
    }
    return { node, from, to: total, parts, part: false };
  });
  function cut(parts, count) {
    for (const { node, from, text } of parts) {
      if (text === null) { node.hidden = from >= count; continue; }
      let end = Math.max(0, Math.min(text.length, count - from));
      if (end && end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;   // no half of a pair
      if (node.data.length !== end) node.data = text.slice(0, end);
    }
  }
  function show(count) {
    if (count === shown) return;
    shown = count;
    for (const block of blocks) {
      const away = count < total && block.from >= count, part = !away && block.to > count;
      if (block.node.nodeType === Node.TEXT_NODE) { cut(block.parts, count); continue; }
      if (part || block.part) cut(block.parts, part ? count : Infinity);
      block.part = part;
      if (block.node.hidden !== away) block.node.hidden = away;
    }
  }
  return (moment) => { const n = until(at, moment); show(n === at.length ? total : Math.round(total * sizes[n - 1] / whole) || 0); };
}

const shown = [...stage.children].map((lane, i) => {
  const played = lanes[i], fold = lane.querySelector('.reasoning'), trace = lane.querySelector('.trace');
  const says = growing(lane.querySelector('.answer'), played.text), thinks = fold && growing(trace, played.reasoning);
  const calls = [...lane.querySelectorAll('.call')], starts = played.states.map(([at]) => at);
  let touched = false;
  if (fold) fold.querySelector('summary').addEventListener('click', () => { touched = true; });
  return (moment) => {
    const [, state, name] = played.states[until(starts, moment) - 1];
    lane.dataset.state = state; lane.querySelector('.state b').textContent = name;
    lane.classList.toggle('over', moment >= played.end);
    says(moment);
    if (fold) {
      thinks(moment); fold.hidden = !trace.textContent;
      if (!touched) fold.open = state === 'thinking';
    }
    calls.forEach((call, j) => {
      const [made, answered] = played.calls[j] || [0, 0], result = call.querySelector('.result');
      call.hidden = moment < made; if (result) result.hidden = moment < answered;
    });
  };
});

const end = Math.max(0, ...lanes.map((lane) => lane.end));
let now = end, since = 0, frame = 0;

const time = (ticks) => `${(ticks / second).toFixed(1)} s`;
function draw() {
  const whole = now >= end;
  if (!whole) stage.style.minHeight ||= `${stage.offsetHeight}px`; else stage.style.minHeight = '';
  stage.classList.toggle('playing', !whole);
  for (const show of shown) show(whole ? Infinity : now);
  for (const trace of stage.querySelectorAll('[data-state=thinking] .trace')) trace.scrollTop = 1e9;   // after all that is written: between, each would cost a layout
  seek.value = Math.floor(now); clock.textContent = `${time(now)} of ${time(end)}`;
  seek.setAttribute('aria-valuetext', clock.textContent);
}

function pause() { cancelAnimationFrame(frame); frame = 0; button.textContent = now >= end ? 'Replay' : 'Play'; }

function step(moment) {
  now = Math.max(0, Math.min(end, now + (moment - since) / 1000 * second * speed.value)); since = moment;   // a frame's moment may lie before the press
  draw();
  if (now < end) frame = requestAnimationFrame(step); else pause();
}

function play() {
  if (now >= end) now = 0;
  if (speed.value === '0') now = end;
  button.textContent = 'Pause'; since = performance.now(); frame = requestAnimationFrame(step);
}

button.addEventListener('click', () => { if (frame) pause(); else play(); });
seek.addEventListener('input', () => { now = Number(seek.value); draw(); if (!frame) pause(); });
seek.max = end; player.hidden = !end;
draw();
