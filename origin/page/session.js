// One session on the page: live, or from the time line, and what is said of it.

import { Moments } from './moments.js';
import { EXPIRED, Player } from './player.js';
import { HOUR, Stretches } from './stretches.js';
import { TimeLine } from './timeline.js';
import { timeOf } from './times.js';

// Milliseconds between looks: at the screen, at the server, and at the whole of what is stored.
const TICK = 500;
const LOOK_EVERY = 3000;
const LOOK_AT_STORE = 10_000;
const LOOK_AT_ALL = 60_000;
// Milliseconds until it is tried again, doubled each time.
const RETRY_MIN = 1000;
const RETRY_MAX = 8000;
// Milliseconds without progress after which that is said, and after which it is loaded anew.
const SILENT = 3000;
const STUCK = 8000;
// Milliseconds behind life from which on a page that was in the background catches up.
const BEHIND = 3000;
// Milliseconds before now that are played live rather than from the store, which has whole segments.
const NEARLY_LIVE = 4000;
// Milliseconds of a stretch that are played at once; the rest follows.
const PLAYED_AT_ONCE = HOUR;
// Seconds before the end of a stretch in which one that stands still has ended.
const LAST_PART = 4;
// Milliseconds of the round trip from which on the latency is not known to 0.1 s.
const SLOW_TRIP = 200;

const part = (id) => document.getElementById(id);

export class Session {
  // `base` is its address.
  constructor(base, clock) {
    Object.assign(this, { base, clock });
    this.known = null;
    this.retry = RETRY_MIN;
    this.failed = '';
    this.wantsLive = true;
    this.progress = { time: 0, at: performance.now() };
    this.video = part('video');
    this.stretches = new Stretches(base);
    this.player = new Player(this.video, base, clock, {
      failed: (why, error) => this.fail(why, error),
      ended: () => this.goOn(),
      changed: () => this.listTiers(),
      loaded: () => this.loaded(),
    });
    this.line = new TimeLine(this.stretches, clock, { go: (time) => this.go(time), look: (from, to) => this.lookAtStore(from, to) });
    this.moments = new Moments(base, clock, {
      go: (time) => this.go(time),
      changed: (events) => this.line.mark(events),
      kept: () => this.lookAtStore(this.line.from(), this.line.to()),
    });
    this.listen();
    this.showMode();
  }

  listen() {
    part('hear').onclick = () => this.toggleSound();
    part('sound').onclick = () => this.toggleSound();
    part('volume').oninput = () => { this.video.volume = Number(part('volume').value); };
    part('pause').onclick = () => this.togglePause();
    part('live').onclick = () => this.goLive();
    part('info').onclick = () => this.toggleFigures();
    part('full').onclick = () => this.fullScreen();
    part('tier').onchange = () => this.player.choose(part('tier').value);
    this.video.onclick = () => this.togglePause();
    this.video.ondblclick = () => this.fullScreen();
    for (const name of ['play', 'pause']) this.video.addEventListener(name, () => this.showPause());
    document.addEventListener('keydown', (event) => this.press(event));
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.player.mode?.live && !this.video.paused && this.player.latency() > BEHIND) this.player.catchUp();
    });
  }

  // Looks at the server and plays; from then on by itself.
  async start() {
    const missing = Player.missing();
    await this.look();
    if (missing && this.known?.tiers.length !== 0) {
      this.failed = missing;
      this.say(missing);
      return;
    }
    setInterval(() => this.tick(), TICK);
    setInterval(() => this.look(), LOOK_EVERY);
    setInterval(() => {
      this.lookAtStore(this.clock.now() - 2 * HOUR, this.clock.now() + HOUR);
      // Somebody else may have kept a moment.
      if (this.known?.stored) this.moments.look();
    }, LOOK_AT_STORE);
    setInterval(() => this.lookAtStore(this.line.from(), this.line.to()), LOOK_AT_ALL);
    part('view').focus({ preventScroll: true, focusVisible: false });
  }

  async look() {
    const asked = performance.timeOrigin + performance.now();
    const answer = await fetch(new URL('status.json', this.base), { cache: 'no-store' }).catch(() => null);
    const answered = performance.timeOrigin + performance.now();
    const said = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!said) return this.unknown(answer);
    this.clock.hear(said.now, asked, answered);
    this.know(said);
  }

  unknown(answer) {
    const why = {
      404: 'There is no such session here.',
      401: EXPIRED, 403: EXPIRED, 410: EXPIRED,
    }[answer?.status] ?? 'The server does not answer; trying again.';
    if (this.known) return notice(why, true);
    this.say(why);
    part('all').hidden = answer?.status !== 404;
  }

  know(said) {
    const before = this.known;
    this.known = said;
    this.player.tiers = said.tiers;
    document.title = said.name;
    part('title').textContent = said.name;
    notice(this.clock.difference());
    part('sound').hidden = !said.sound;
    part('hear').hidden = !said.sound || !this.video.muted;
    part('stored').hidden = !said.stored;
    part('keep').hidden = !said.mark;
    if (!before) this.listTiers();
    if (!before && said.stored) {
      this.lookAtStore(this.line.from(), this.line.to());
      this.moments.look();
    }
    if (said.live && !this.player.mode && !this.failed) this.goLive();
    if (!said.live && !this.player.mode) this.say('This session is not live now.' + (said.stored ? ' What is stored plays from the time line.' : ''));
  }

  async lookAtStore(from, to) {
    if (!this.known?.stored) return;
    if (await this.stretches.look(from, to)) this.line.draw();
  }

  goLive() {
    this.failed = '';
    if (this.known && !this.known.live) return this.say('This session is not live now.');
    this.line.show(null);
    if (this.player.mode?.live && this.player.shown() !== null) {
      this.player.catchUp();
      this.video.play().catch(() => {});
      return;
    }
    this.say('Connecting.');
    this.wantsLive = true;
    this.player.live();
    this.showMode();
  }

  // Plays what is stored from this time on, in milliseconds since 1970; live if that is now.
  go(time) {
    const now = this.clock.now();
    if (time > now - NEARLY_LIVE && this.known?.live) return this.goLive();
    const { mode } = this.player;
    const stretch = this.stretches.at(time) ?? this.stretches.after(time) ?? this.stretches.before(Infinity);
    if (!stretch) return this.say('Nothing is stored yet.');
    const from = this.stretches.at(time) ? time : stretch.from;
    this.gap = from === time ? '' : `Nothing is stored at ${timeOf(time, now)}.`;
    const shown = this.player.shown();
    if (mode && !mode.live && shown !== null && from >= mode.from && from < mode.to) return this.player.move((from - shown) / 1000);
    this.play(from, stretch);
  }

  play(from, stretch) {
    this.failed = '';
    this.say(this.gap || 'Loading.');
    this.wantsLive = false;
    this.player.stored(from, Math.min(stretch.to, from + PLAYED_AT_ONCE));
    this.line.position = from;
    this.line.reveal(from);
    this.showMode();
  }

  // What follows a stretch: the next one, then what happens now.
  async goOn() {
    const { mode } = this.player;
    if (!mode || mode.live) return this.look();
    const end = Math.max(mode.to, this.player.shown() ?? 0);
    await this.lookAtStore(end - HOUR, this.clock.now() + HOUR);
    if (this.player.mode !== mode) return;
    const running = this.stretches.at(end);
    const next = running ?? this.stretches.after(end);
    if (this.known?.live && (!next || end > this.clock.now() - NEARLY_LIVE)) return this.goLive();
    if (!next || next.to - end < 1000) return this.say('That is all that is stored.');
    this.gap = running ? '' : `Nothing is stored from ${timeOf(end, this.clock.now())} to ${timeOf(next.from, this.clock.now())}.`;
    this.play(Math.max(end, next.from), next);
  }

  loaded() {
    this.progress = { time: this.video.currentTime, at: performance.now() };
    this.showMode();
    this.listTiers();
  }

  // What is live is tried again; of what is stored it is said.
  fail(why, error) {
    console.info('playing failed', error);
    this.player.stop();
    this.showMode();
    if (!this.wantsLive) {
      this.failed = why;
      return this.say(why);
    }
    this.failed = 'waiting';
    this.say(why === EXPIRED ? why : `${why} Trying again.`);
    if (why !== EXPIRED) setTimeout(() => { if (this.failed === 'waiting') this.goLive(); }, this.retry);
    this.retry = Math.min(2 * this.retry, RETRY_MAX);
  }

  togglePause() {
    if (!this.player.mode) return;
    if (!this.video.paused) return this.video.pause();
    if (this.player.mode.live) this.player.catchUp();
    this.video.play().catch(() => {});
  }

  toggleSound() {
    if (part('sound').hidden) return;
    this.video.muted = !this.video.muted;
    part('sound').setAttribute('aria-pressed', String(!this.video.muted));
    part('volume').hidden = this.video.muted;
    part('hear').hidden = !this.video.muted;
    if (!this.video.paused || !this.player.mode) return;
    this.video.play().catch(() => {});
  }

  toggleFigures() {
    part('figures').hidden = !part('figures').hidden;
    part('info').setAttribute('aria-pressed', String(!part('figures').hidden));
    this.tick();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (part('view').requestFullscreen) part('view').requestFullscreen();
    // Telephones of Apple's know it of videos only.
    else this.video.webkitEnterFullscreen?.();
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || part('asking').open || event.target.matches('input, select')) return;
    const here = () => this.player.shown() ?? this.clock.now();
    const keys = {
      m: () => this.toggleSound(),
      i: () => this.toggleFigures(),
      f: () => this.fullScreen(),
      l: () => this.goLive(),
      k: () => this.moments.ask(),
      ArrowLeft: () => this.go(here() - 10_000),
      ArrowRight: () => this.go(here() + 10_000),
    };
    // A button is pressed by it.
    if (event.key === ' ' && !event.target.matches('button, summary')) keys[' '] = () => this.togglePause();
    const tiers = ['auto', ...(this.known?.tiers ?? []).map(({ name }) => name)];
    const tier = /^[0-9]$/.test(event.key) ? tiers[Number(event.key)] : undefined;
    const action = keys[event.key] ?? (tier && !event.repeat ? () => this.player.choose(tier) : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  }

  listTiers() {
    const tiers = this.known?.tiers ?? [];
    const { tier } = this.player;
    const size = ({ name, width, height }) => `${name}, ${width} x ${height}`;
    const rate = ({ kbit }) => (kbit < 1000 ? `${kbit} kbit/s` : `${(kbit / 1000).toFixed(1)} Mbit/s`);
    const now = this.player.playing();
    const options = [['auto', tier === 'auto' && now ? `automatic: ${size(now)}` : 'automatic'], ...tiers.map((it) => [it.name, `${size(it)}, ${rate(it)}`])];
    const select = part('tier');
    const listed = JSON.stringify(options);
    if (select.dataset.listed !== listed) {
      select.dataset.listed = listed;
      select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    }
    select.value = tier;
    select.hidden = tiers.length < 2;
  }

  showMode() {
    const live = this.player.mode?.live ?? false;
    part('live').setAttribute('aria-pressed', String(live));
    part('kind').textContent = live ? 'live' : 'stored';
    part('badge').hidden = this.player.mode === null;
    part('keep').disabled = !live;
    part('keep').title = live ? 'Keeps the last seconds as they are now (k)' : 'Keeps what is live: go there first';
    this.showPause();
  }

  showPause() {
    part('pause').textContent = this.video.paused ? 'play' : 'pause';
    part('pause').disabled = this.player.mode === null;
  }

  say(text) {
    if (part('state').textContent !== text) part('state').textContent = text;
    part('view').classList.toggle('away', text !== '');
  }

  // What changes by itself: progress, where it is, how old it is, and the figures.
  tick() {
    const { mode } = this.player;
    if (mode) this.watch(mode);
    const shown = mode ? this.player.shown() : null;
    this.line.place(shown ?? (mode && !mode.live ? mode.from : null));
    if (shown !== null) this.retry = RETRY_MIN;
    part('latency').textContent = shown === null ? '' : mode.live ? this.age() : timeOf(shown, this.clock.now());
    if (!part('figures').hidden) part('figures').textContent = this.figures().join('\n');
  }

  watch(mode) {
    const now = performance.now();
    const time = this.video.currentTime;
    if (time !== this.progress.time) {
      this.progress = { time, at: now };
      this.say(this.known?.tiers.length === 0 ? 'Sound only.' : '');
      part('view').classList.remove('away');
    }
    const still = now - this.progress.at;
    if (this.video.paused || this.video.ended || still < SILENT) return;
    // The sound of the last segment may not be there yet, and then a video never ends.
    if (!mode.live && this.video.duration - time < LAST_PART) {
      this.progress.at = now;
      return this.goOn();
    }
    this.say(mode.live ? 'Nothing is coming from the camera.' : 'Waiting for the server.');
    if (!mode.live || still < STUCK) return;
    this.progress.at = now;
    if (this.known?.live) this.player.live();
  }

  age() {
    const latency = this.player.latency();
    if (latency === null) return '';
    if (latency < -50) return 'the camera\'s clock is ahead of the server\'s';
    const about = this.clock.best().trip > SLOW_TRIP ? 'about ' : '';
    return `${about}${(Math.max(latency, 0) / 1000).toFixed(1)} s`;
  }

  figures() {
    const { dropped, decoded, bandwidth, ahead, stalls } = this.player.figures();
    const { trip, ahead: difference } = this.clock.best();
    const playing = this.player.playing();
    const chosen = this.player.tier === 'auto' ? 'automatically' : 'as chosen';
    return [
      `pictures  ${this.video.videoWidth} x ${this.video.videoHeight}, ${decoded} decoded, ${dropped} dropped`,
      `latency   ${this.player.mode?.live ? this.age() || '-' : '-'}`,
      `quality   ${playing ? `${playing.name}, ${chosen}` : '-'}`,
      `buffer    ${ahead.toFixed(1)} s, stopped ${stalls} times`,
      `speed     ${this.video.playbackRate.toFixed(2)}`,
      `network   ${(bandwidth / 1e6).toFixed(1)} Mbit/s as it seems`,
      `clocks    ${Math.abs(difference / 1000).toFixed(2)} s apart, known to ${(trip / 2000).toFixed(2)} s`,
    ];
  }
}

export function notice(text, alarm = false) {
  const line = part('notice');
  if (line.textContent !== text) line.textContent = text;
  line.hidden = text === '';
  line.classList.toggle('alarm', alarm);
}
