// Kept moments: the list of them, and the form that keeps another one.

import { lengthOf, timeOf } from './times.js';

const part = (id) => document.getElementById(id);

export class Moments {
  // `base` is the session's address; `on.go` takes a time, `on.changed` the events, oldest first.
  constructor(base, clock, on) {
    Object.assign(this, { base, clock, on });
    this.events = [];
    this.listed = '';
    part('keep').onclick = () => this.ask();
    part('cancel').onclick = () => part('asking').close();
    part('form').onsubmit = (event) => {
      event.preventDefault();
      this.keep();
    };
  }

  async look() {
    const answer = await fetch(new URL('events.json', this.base), { cache: 'no-store' }).catch(() => null);
    const said = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!said) return;
    this.events = said.events.sort(({ at: one }, { at: other }) => one - other);
    this.list();
    this.on.changed(this.events);
  }

  list() {
    part('moments').hidden = this.events.length === 0;
    part('moments').firstElementChild.textContent = `Kept moments (${this.events.length})`;
    const listed = JSON.stringify(this.events);
    if (this.listed === listed) return;
    this.listed = listed;
    part('kept').replaceChildren(...this.events.toReversed().map(({ at, from, to, label }) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.textContent = `${timeOf(at, this.clock.now())}, ${lengthOf(to - from)}` + (label ? `: ${label}` : '');
      button.onclick = () => this.on.go(from);
      item.append(button);
      return item;
    }));
  }

  ask() {
    if (part('keep').hidden || part('keep').disabled || part('asking').open) return;
    part('answer').textContent = '';
    part('submit').disabled = false;
    part('asking').showModal();
  }

  // The password stays in the form while the page is open, and nowhere else.
  async keep() {
    const say = (text) => { part('answer').textContent = text; };
    part('submit').disabled = true;
    say('');
    const answer = await this.post(part('label').value.trim(), part('password').value).catch(() => null);
    part('submit').disabled = false;
    if (answer?.status === 201) {
      part('asking').close();
      part('label').value = '';
      part('moments').open = true;
      this.on.kept(await answer.json().catch(() => null));
      return this.look();
    }
    if (answer?.status === 401) {
      part('password').select();
      return say('That is not the password.');
    }
    const why = answer ? (await answer.text()).trim().split('\n')[0] : '';
    say(answer ? `Not kept: ${why || `the server answers with error ${answer.status}`}` : 'Not kept: the server does not answer.');
  }

  // Browsers do not ask for a password themselves where they are not to send any.
  post(label, password) {
    const bytes = new TextEncoder().encode(`viewer:${password}`);
    return fetch(new URL('mark', this.base), {
      method: 'POST',
      credentials: 'omit',
      headers: { 'Authorization': `Basic ${btoa(String.fromCharCode(...bytes))}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ label }),
    });
  }
}
