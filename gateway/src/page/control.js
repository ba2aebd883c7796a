// The daemons of the gateway's machine, for those who may control them: started, stopped, and told what to send.
'use strict';

const panel = document.getElementById('control');
const daemons = new Map();

function daemonRow({ name }) {
  const row = document.getElementById('daemon').content.firstElementChild.cloneNode(true);
  row.within = (name) => row.querySelector('.' + name);
  row.within('daemon-name').textContent = name;
  row.within('switch').onclick = () => tell(row, { name, sending: !row.sending });
  row.onsubmit = (event) => {
    event.preventDefault();
    // What is left empty stays as it is.
    const wanted = ['size', 'fps', 'quality'].map((part) => [part, row.within(part).value.trim().replace('×', 'x')]);
    const set = Object.fromEntries(wanted.filter(([, value]) => value !== ''));
    if (Object.keys(set).length > 0) tell(row, { name, set });
  };
  row.within('reset').onclick = () => {
    row.reset();
    tell(row, { name, set: { size: null, fps: null, quality: null } });
  };
  panel.append(row);
  return row;
}

// What it sends stands where something else can be entered.
function showDaemon(row, { sending, width, height, rate }) {
  row.sending = sending;
  row.within('switch').textContent = sending ? 'stop' : 'start';
  row.within('size').placeholder = width ? `${width}x${height}` : 'size';
  row.within('fps').placeholder = rate ? String(Math.round(rate * 100) / 100) : 'a second';
}

async function tell(row, order) {
  row.within('answer').textContent = '…';
  row.querySelectorAll('button').forEach((button) => { button.disabled = true; });
  try {
    const answer = await fetch('control', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(order),
    });
    row.within('answer').textContent = answer.ok ? 'done' : await answer.text();
  } catch {
    row.within('answer').textContent = 'The gateway does not answer.';
  }
  row.querySelectorAll('button').forEach((button) => { button.disabled = false; });
  await lookAtDaemons();
}

async function lookAtDaemons() {
  const all = await json('control');
  if (!all) return;
  for (const daemon of all) {
    if (!daemons.has(daemon.name)) daemons.set(daemon.name, daemonRow(daemon));
    showDaemon(daemons.get(daemon.name), daemon);
  }
  for (const [name, row] of daemons) {
    if (all.some((daemon) => daemon.name === name)) continue;
    row.remove();
    daemons.delete(name);
  }
  document.getElementById('no-daemon').hidden = all.length > 0;
}
