// The page: a list of the sessions where there are several, or one of them.

import { ServerClock } from './clock.js';
import { EXPIRED } from './player.js';
import { notice, Session } from './session.js';

// Milliseconds between looks for new sessions.
const LOOK_EVERY = 3000;

const part = (id) => document.getElementById(id);
// Every address is relative, for the page may be below a token.
const here = new URL('.', location.href);
const root = new URL(document.querySelector('meta[name=root]').content || '.', here);

// What there is at the root; null where nobody answers.
async function look() {
  const answer = await fetch(new URL('status.json', root), { cache: 'no-store' }).catch(() => null);
  const said = answer?.ok ? await answer.json().catch(() => null) : null;
  const refused = [401, 403, 410].includes(answer?.status);
  return { sessions: said?.sessions ?? null, why: said ? '' : refused ? EXPIRED : 'The server does not answer; trying again.' };
}

function open(base) {
  part('session').hidden = false;
  // What is on it, also for tests and for the curious.
  globalThis.session = new Session(base, new ServerClock());
  globalThis.session.start();
}

function list(sessions) {
  part('list').hidden = false;
  part('title').textContent = 'Sessions';
  const listed = JSON.stringify(sessions);
  if (part('sessions').dataset.listed === listed) return;
  part('sessions').dataset.listed = listed;
  part('sessions').replaceChildren(...sessions.map(({ name, url, live, stored, tiers, sound }) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = new URL(url, root).href;
    const title = document.createElement('strong');
    title.textContent = name;
    const what = document.createElement('span');
    const has = [tiers[0] ? `${tiers[0].width} x ${tiers[0].height}` : 'no pictures', sound ? 'sound' : 'no sound', ...(stored ? ['stored'] : [])];
    const state = document.createElement('span');
    state.textContent = live ? 'live' : 'not live now';
    state.classList.toggle('live', live);
    what.append(state, `, ${has.join(', ')}`);
    link.append(title, what);
    item.append(link);
    return item;
  }));
}

// At the root: the only session, or the list, which stays a list.
async function lookAtRoot() {
  const { sessions, why } = await look();
  notice(sessions?.length === 0 ? 'No session is received yet. Is streamsocket running?' : why, why !== '');
  if (sessions?.length === 1 && part('list').hidden) return open(new URL(sessions[0].url, root));
  if (sessions?.length > 0) list(sessions);
  setTimeout(lookAtRoot, LOOK_EVERY);
}

if (here.href === root.href) {
  lookAtRoot();
} else {
  open(here);
  const { sessions } = await look();
  part('all').hidden = !(sessions?.length > 1);
}
