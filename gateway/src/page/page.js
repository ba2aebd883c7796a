// The page: all sessions side by side, each while it is seen.
'use strict';

// Milliseconds between looks for new sessions.
const LOOK_EVERY = 3000;

const views = new Map();
let nextLook = null;
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.visible = entry.isIntersecting;
  update();
});

function update() {
  for (const { view, figure } of views.values()) view.want(figure.visible !== false && !document.hidden);
}

function add({ name, path }) {
  const figure = document.getElementById('view').content.firstElementChild.cloneNode(true);
  document.getElementById('views').append(figure);
  const view = new View(path, name, figure);
  views.set(path, { view, figure });
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
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input')) return;
  const keys = {
    m: () => view.toggleSound(),
    i: () => view.toggleFigures(),
    f: () => view.fullScreen(),
    s: () => view.part('snapshot').click(),
  };
  const action = keys[event.key];
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
  nextLook = setTimeout(look, LOOK_EVERY);
}

async function lookOnce() {
  const status = await json('status');
  if (!status) return;
  const { sessions, control } = status;
  sessions.filter(({ path }) => !views.has(path)).forEach(add);
  sessions.forEach((session) => views.get(session.path).view.know(session));
  // The last one stays, with its last picture.
  const ended = [...views.keys()].filter((path) => !sessions.some((session) => session.path === path));
  for (const path of ended) if (views.size > 1) remove(path);
  document.getElementById('nothing').hidden = views.size > 0;
  update();
  document.body.classList.toggle('controls', control);
  panel.hidden = !control;
  if (control && panel.open) await lookAtDaemons();
}

panel.addEventListener('toggle', look);
document.addEventListener('visibilitychange', update);
look();
