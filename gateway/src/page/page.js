// The page: all sessions side by side, each while it is seen; or those of a room (?room=NAME).
'use strict';

// Milliseconds between looks for new sessions, and for who comes to a room and leaves it.
const LOOK_EVERY = 3000;
const LOOK_AROUND_EVERY = 1000;

const views = new Map();
const asked = new URLSearchParams(location.search);
const room = asked.has('room') ? new Room(asked.get('room'), views) : null;
let nextLook = null;
let looks = 0;
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.visible = entry.isIntersecting;
  update();
});

function update() {
  for (const { view, figure } of views.values()) view.want(isWanted(view, figure));
}

// Who listens to a room hears it also while other pages are looked at.
function isWanted(view, figure) {
  return figure.visible !== false && (!document.hidden || (room !== null && view.listening));
}

function add({ name, path }) {
  const figure = document.getElementById('view').content.firstElementChild.cloneNode(true);
  document.getElementById('views').append(figure);
  const view = new View(path, room?.nameOf(name) ?? name, figure, asked.get('tier') || 'auto', room?.step);
  views.set(path, { view, figure });
  room?.welcome(path, view);
  // Who has left a room is not waited for.
  if (room) view.lost = look;
  // For the keys of the only one.
  if (views.size === 1) figure.focus({ preventScroll: true, focusVisible: false });
  figure.addEventListener('keydown', (event) => press(view, event));
  seen.observe(figure);
}

function remove(path) {
  const { view, figure } = views.get(path);
  views.delete(path);
  seen.unobserve(figure);
  view.end();
  figure.remove();
}

function press(view, event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input, select')) return;
  const keys = {
    m: () => view.toggleSound(),
    i: () => view.toggleFigures(),
    f: () => view.fullScreen(),
    s: () => view.part('snapshot').click(),
  };
  // In a room these are the room's own.
  if (room && /^[0-9m]$/.test(event.key)) return;
  const number = /^[0-5]$/.test(event.key) && !event.repeat ? () => view.tier.press(Number(event.key)) : undefined;
  const action = keys[event.key] ?? number;
  if (!action) return;
  event.preventDefault();
  action();
}

// What a path has; null where nobody answers, which the views say themselves.
async function json(path) {
  const answer = await fetch(path, { cache: 'no-store' }).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
}

async function look() {
  clearTimeout(nextLook);
  await lookOnce();
  clearTimeout(nextLook);
  nextLook = setTimeout(look, room ? LOOK_AROUND_EVERY : LOOK_EVERY);
}

async function lookOnce() {
  looks += 1;
  const turn = looks;
  const status = await json('status');
  // What was asked for later says more.
  if (!status || turn !== looks) return;
  const { sessions: all, control } = status;
  const sessions = room ? all.filter((session) => room.has(session)) : all;
  listRooms(all);
  sessions.filter(({ path }) => !views.has(path)).forEach(add);
  sessions.forEach((session) => views.get(session.path).view.know(session));
  // The last one stays, with its last picture.
  const ended = [...views.keys()].filter((path) => !sessions.some((session) => session.path === path));
  for (const path of ended) if (room || views.size > 1) remove(path);
  room?.arrange();
  document.getElementById(room ? 'nobody' : 'nothing').hidden = views.size > 0;
  update();
  document.body.classList.toggle('controls', control);
  panel.hidden = !control;
  if (control && panel.open) await lookAtDaemons();
}

// The rooms that there are, as links.
function listRooms(sessions) {
  const names = [...new Set(sessions.map(({ room }) => room).filter((name) => name !== null))].sort();
  const list = document.getElementById('rooms');
  list.hidden = room !== null || names.length === 0;
  if (list.dataset.names === JSON.stringify(names)) return;
  list.dataset.names = JSON.stringify(names);
  list.replaceChildren(...names.map((name) => {
    const link = document.createElement('a');
    link.href = '?' + new URLSearchParams({ room: name });
    link.textContent = `room ${name}`;
    return link;
  }));
}

panel.addEventListener('toggle', look);
document.addEventListener('visibilitychange', update);
look();
