// A room: all who are in it side by side, in step, and who speaks.
'use strict';

// Seconds between the arrival of the latest of the pictures and when all are shown, without sound.
const PICTURES_LEAD = 0.01;
// Seconds that a picture may be ahead of that: more is a clock that was set.
const PICTURES_AHEAD_MAX = 1;
// The root mean square of speech at some distance, of 1: -46 dB. Who speaks does so until half of that is left.
const SPEECH = 0.005;
const PAUSE = SPEECH / 2;
// Another one is taken for the one who speaks if so much louder, for so many milliseconds: a cough is over then.
const LOUDER = 2;
const CERTAIN = 300;
// After so many milliseconds in silence nobody speaks.
const SILENCE = 1500;
// Milliseconds in which a level follows what is heard, and after which there is none any more.
const LEVEL_IN = 100;
const LEVEL_FOR = 300;
// Milliseconds between looks who speaks.
const LISTEN_EVERY = 100;
// Seconds without anything from somebody after which they are gone.
const GONE = 5;
// Of a cell.
const ASPECT = 16 / 9;

// Presents what is due at one instant at one, of all sessions of the room: by the sound's clock if that is on.
class Step {
  constructor() {
    this.context = null;
    this.sound = new Pace(LEAD, LEAD_MIN, LEAD_MAX);
    this.pictures = new Pace(PICTURES_LEAD, PICTURES_LEAD / 2, 3 * PICTURES_LEAD);
  }

  // The one context in which all sound is mixed.
  mixer() {
    this.context ??= new AudioContext({ latencyHint: 'interactive' });
    return this.context;
  }

  // A picture is there that is due at so many milliseconds.
  came(due) {
    const now = performance.now() / 1000;
    const { pictures } = this;
    const ready = () => due / 1000 + pictures.distance - now;
    if (pictures.leavesOut(ready() < -LEAD_MAX || ready() > PICTURES_AHEAD_MAX, now)) return;
    if (pictures.distance === null || ready() < 0 || ready() > PICTURES_AHEAD_MAX) pictures.begin(due / 1000, now);
    pictures.follow(ready(), now);
  }

  // Milliseconds at which that is due which is presented now; null when that is not known yet.
  heard() {
    const { context, sound, pictures } = this;
    if (context?.state === 'running' && sound.distance !== null) return (outputTime(context) - sound.distance) * 1000;
    return pictures.distance === null ? null : performance.now() - pictures.distance * 1000;
  }
}

// How loud one is, by samples of 16 bits.
class Level {
  constructor() {
    this.value = 0;
    this.at = 0;
  }

  hear(samples, now) {
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const loud = Math.sqrt(sum / samples.length) / 32768;
    const share = Math.min(1, (now - this.at) / LEVEL_IN);
    this.value += (loud - this.value) * share;
    this.at = now;
  }

  now(now) {
    return now - this.at < LEVEL_FOR ? this.value : 0;
  }
}

// Who speaks, by how loud all are.
class Speaking {
  constructor() {
    this.who = null;
    this.heard = 0;
    this.next = null;
  }

  // `levels` are pairs of who and how loud.
  turn(levels, now) {
    const level = (who) => levels.find(([it]) => it === who)?.[1];
    const own = level(this.who);
    if (own >= PAUSE) this.heard = now;
    if (own === undefined || now - this.heard >= SILENCE) this.who = null;
    const [loudest, loud] = levels.reduce((one, other) => (other[1] > one[1] ? other : one), [null, 0]);
    if (this.who === null) {
      if (loud >= SPEECH) [this.who, this.heard] = [loudest, now];
      this.next = null;
    } else if (loudest !== this.who && loud >= SPEECH && loud >= LOUDER * (own ?? 0)) {
      if (this.next?.who !== loudest) this.next = { who: loudest, since: now };
      if (now - this.next.since >= CERTAIN) [this.who, this.heard, this.next] = [loudest, now, null];
    } else {
      this.next = null;
    }
    return this.who;
  }
}

class Room {
  // `views` are those of its members, by their paths.
  constructor(name, views) {
    this.name = name;
    this.views = views;
    this.step = new Step();
    this.speaking = new Speaking();
    this.large = null;
    this.listening = false;
    this.main = document.getElementById('views');
    this.button = document.getElementById('hear');
    document.getElementById('room').hidden = false;
    document.getElementById('room-name').textContent = name;
    document.title = name;
    document.body.classList.add('in-room');
    this.button.onclick = () => this.toggleSound();
    addEventListener('resize', () => this.arrange());
    addEventListener('keydown', (event) => this.press(event));
    setInterval(() => this.mark(), LISTEN_EVERY);
  }

  has({ room, silent_seconds: silent }) {
    return room === this.name && !(silent > GONE);
  }

  // The relay names sessions after their rooms.
  nameOf(name) {
    return name.startsWith(this.name + ', ') ? name.slice(this.name.length + 2) : name;
  }

  // Somebody has come.
  welcome(path, view) {
    view.canvas.onclick = () => this.enlarge(path);
    if (this.listening) view.toggleSound();
  }

  enlarge(path) {
    this.large = this.large === path ? null : path;
    this.arrange();
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input, select')) return;
    const path = [...this.views.keys()][Number(event.key) - 1];
    if (path !== undefined) this.enlarge(path);
    else if (event.key === '0' || event.key === 'Escape') this.enlarge(this.large);
    else if (event.key === 'm') this.toggleSound();
  }

  toggleSound() {
    this.listening = !this.listening;
    this.button.setAttribute('aria-pressed', String(this.listening));
    if (this.listening) this.step.mixer().resume();
    for (const { view } of this.views.values()) if (view.listening !== this.listening) view.toggleSound();
  }

  // As many columns as make the pictures largest; or one large, and the others beside it.
  arrange() {
    const { main, views } = this;
    if (!views.has(this.large)) this.large = null;
    const count = views.size;
    const width = (columns) => Math.min(main.clientWidth / columns, (main.clientHeight / Math.ceil(count / columns)) * ASPECT);
    const all = Array.from({ length: count }, (_, index) => index + 1);
    const columns = all.reduce((best, it) => (width(it) > width(best) + 1 ? it : best), 1);
    const beside = this.large !== null && count > 1;
    main.classList.toggle('beside', beside);
    main.style.gridTemplateColumns = beside ? 'minmax(0, 1fr) clamp(6rem, 20%, 16rem)' : `repeat(${columns}, minmax(0, 1fr))`;
    main.style.gridTemplateRows = beside ? `repeat(${count - 1}, minmax(0, 9rem)) 1fr` : `repeat(${Math.ceil(count / columns)}, minmax(0, 1fr))`;
    for (const [path, { figure }] of views) figure.classList.toggle('large', path === this.large);
  }

  mark() {
    const now = performance.now();
    const levels = [...this.views].map(([path, { view }]) => [path, view.level.now(now)]);
    const who = this.speaking.turn(levels, now);
    for (const [path, { figure }] of this.views) figure.classList.toggle('speaks', path === who);
  }
}
