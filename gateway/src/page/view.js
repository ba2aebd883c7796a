// One session on the page: its connection, its pictures, and what is said of it.
'use strict';

// What a message carries, by the byte 8 before its end; its last 24 bytes are when it was captured, when it
// is due, and this.
const TRAILER = 24;
const PICTURE = 1;
const SOUND = 2;
// Milliseconds until it is tried again, doubled each time.
const RETRY_MIN = 500;
const RETRY_MAX = 8000;
// Milliseconds without a picture after which that is said.
const SILENT = 3000;
// Pictures that wait for their sound, at most, and milliseconds between the first and the last.
const WAITING_MAX = 24;
const WAITING_LONGEST = 1000;
// Milliseconds of half a refresh of most screens.
const HALF_REFRESH = 8;
// Milliseconds between questions for the time.
const ASK_EVERY = 5000;

class View {
  // `wish` is the tier that is wanted; `step` keeps it in step with the others of a room.
  constructor(path, name, figure, wish, step) {
    this.path = path;
    this.step = step;
    this.level = new Level();
    this.figure = figure;
    this.canvas = figure.querySelector('canvas');
    this.context = this.canvas.getContext('2d', { alpha: false, desynchronized: true });
    this.part = (name) => figure.querySelector('.' + name);
    this.part('name').textContent = name;
    this.canvas.setAttribute('aria-label', name);
    figure.setAttribute('aria-label', name);
    this.part('snapshot').href = path + '/snapshot';
    this.part('snapshot').download = name + '.jpg';
    this.socket = null;
    this.speaker = null;
    // What decodes its sound while that is wanted, if it is encoded.
    this.decoder = null;
    this.format = null;
    this.wanted = false;
    this.listening = false;
    this.known = null;
    this.retry = RETRY_MIN;
    this.waiting = [];
    this.decoding = null;
    this.newest = null;
    // When the last picture came; null where none is to come.
    this.arrived = null;
    this.drawn = { count: 0, left: 0, broken: 0, apart: null, ages: [] };
    // Milliseconds that the server's clock is ahead of this one's.
    this.ahead = null;
    this.tier = new TierControl(this.part('tier'), wish, (text) => this.send(text));
    this.listen();
  }

  listen() {
    this.part('sound').onclick = () => this.toggleSound();
    this.part('info').onclick = () => this.toggleFigures();
    this.part('full').onclick = () => this.fullScreen();
    this.part('volume').oninput = (event) => this.speaker?.setVolume(Number(event.target.value));
    this.figure.addEventListener('pointerdown', () => this.speaker?.resume());
    this.canvas.ondblclick = () => this.fullScreen();
    this.looking = setInterval(() => this.look(), 500);
  }

  end() {
    clearInterval(this.looking);
    this.want(false);
  }

  // Streams while somebody can see it.
  want(wanted) {
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    if (!('WebSocket' in window && 'createImageBitmap' in window)) this.plain(wanted);
    else if (wanted) this.connect();
    else this.socket?.close();
  }

  // For browsers that can do no better: the stream as a picture, without sound.
  plain(wanted) {
    if (!this.image) {
      this.image = document.createElement('img');
      this.image.alt = this.part('name').textContent;
      this.canvas.replaceWith(this.image);
      this.part('sound').hidden = true;
    }
    // Only another address ends a stream.
    this.image.src = wanted ? `${this.path}/stream?tier=${encodeURIComponent(this.tier.wish)}` : 'icon.svg';
  }

  connect() {
    if (this.socket || !this.wanted) return;
    // Who cannot decode what a session has is sent the samples of the one that it is a tier of.
    const url = new URL(this.path + '/ws', document.baseURI);
    url.searchParams.set('tier', this.tier.wish);
    if (!OpusDecoder.isThere()) url.searchParams.set('sound', 'pcm');
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.take(data);
    socket.onopen = () => {
      this.opened = true;
      this.tier.forget();
      this.asking = setInterval(() => this.ask(), ASK_EVERY);
      this.ask();
    };
    socket.onclose = () => this.closed();
  }

  closed() {
    clearInterval(this.asking);
    this.socket = null;
    this.stopSpeaker();
    this.clear();
    if (!this.wanted) return;
    this.lost?.();
    this.say(this.opened ? 'Connection lost; trying again.' : 'This session is not available; waiting for it.');
    this.opened = false;
    setTimeout(() => this.connect(), this.retry);
    this.retry = Math.min(2 * this.retry, RETRY_MAX);
  }

  ask() {
    this.send(String(performance.now()));
  }

  send(text) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  take(data) {
    if (typeof data === 'string') return this.hear(JSON.parse(data));
    const end = new DataView(data, data.byteLength - TRAILER);
    const captured = end.getFloat64(0, true);
    // In a room all go by when they are due.
    const time = this.step ? end.getFloat64(8, true) : captured;
    const kind = end.getUint8(16);
    const length = data.byteLength - TRAILER;
    if (kind === PICTURE) this.picture(new Blob([new Uint8Array(data, 0, length)], { type: 'image/jpeg' }), captured, time);
    else if (kind !== SOUND) return;
    else if (this.decoder) this.decoder.decode(new Uint8Array(data, 0, length), time);
    else if (this.format?.codec === 'pcm') this.play(new Int16Array(data, 0, length / 2), time);
  }

  play(samples, time) {
    if (this.step) this.level.hear(samples, performance.now());
    this.speaker?.play(samples, time);
  }

  // The time of what is heard now; null when nothing is.
  heard() {
    return (this.step ?? this.speaker)?.heard() ?? null;
  }

  hear(said) {
    if (said.asked !== undefined) {
      const now = performance.now();
      const trip = now - said.asked;
      this.ahead = said.now - (performance.timeOrigin + now - trip / 2);
      return;
    }
    if (said.tiers) return this.tier.know(said);
    this.retry = RETRY_MIN;
    this.arrived = said.pictures ? performance.now() : null;
    this.format = said.sound;
    this.part('sound').hidden = !said.sound;
    if (this.listening) this.startSpeaker();
    // Who speaks is seen also while nobody listens.
    else if (this.step) this.openDecoder();
  }

  // Decodes one picture at a time; of those that come meanwhile the newest is next.
  picture(blob, captured, time) {
    this.arrived = performance.now();
    if (this.newest) this.drawn.left += 1;
    this.newest = { blob, captured, time };
    if (!this.decoding) this.decoding = this.decode();
  }

  async decode() {
    while (this.newest) {
      const { blob, captured, time } = this.newest;
      this.newest = null;
      try {
        const bitmap = await createImageBitmap(blob);
        if (this.socket) this.show(bitmap, captured, time);
        else bitmap.close();
      } catch {
        this.drawn.broken += 1;
      }
    }
    this.decoding = null;
  }

  // Shows a picture at once, or when its sound is heard.
  show(bitmap, captured, time) {
    this.step?.came(time);
    if (this.heard() === null && this.waiting.length === 0) return this.draw(bitmap, captured, time);
    this.waiting.push({ bitmap, captured, time });
    if (this.waiting.length > WAITING_MAX || time - this.waiting[0].time > WAITING_LONGEST) {
      const first = this.waiting.shift();
      this.draw(first.bitmap, first.captured, first.time);
    }
    if (this.waiting.length === 1) this.tick();
  }

  tick() {
    // Until the screen is drawn again there is half of that time on either side.
    const heard = (this.heard() ?? Infinity) + HALF_REFRESH;
    let due = null;
    while (this.waiting.length > 0 && this.waiting[0].time <= heard) {
      due?.bitmap.close();
      due = this.waiting.shift();
    }
    if (due) this.draw(due.bitmap, due.captured, due.time);
    if (this.waiting.length > 0) requestAnimationFrame(() => this.tick());
  }

  draw(bitmap, captured, time = captured) {
    const { canvas, drawn } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    drawn.count += 1;
    const heard = this.speaker?.heard() ?? null;
    drawn.apart = heard === null ? null : time - heard;
    const now = performance.timeOrigin + performance.now() + (this.ahead ?? 0);
    drawn.ages.push(now - captured);
    if (drawn.ages.length > 120) drawn.ages.shift();
    this.say('');
  }

  clear() {
    this.waiting.forEach(({ bitmap }) => bitmap.close());
    this.waiting = [];
    this.newest = null;
  }

  toggleSound() {
    if (this.part('sound').hidden) return;
    this.listening = !this.listening;
    this.part('sound').setAttribute('aria-pressed', String(this.listening));
    this.part('volume').hidden = !this.listening;
    if (this.listening) this.startSpeaker();
    else this.stopSpeaker();
    if (this.step && this.socket) this.openDecoder();
  }

  startSpeaker() {
    if (!this.format || this.speaker) return;
    this.openDecoder();
    const { format, step } = this;
    this.useSpeaker(step ? new Speaker(format, step) : openSpeaker(format, () => this.useSpeaker(new Speaker(format))));
  }

  openDecoder() {
    if (this.format?.codec !== 'opus' || this.decoder) return;
    this.decoder = new OpusDecoder(this.format, (samples, time) => this.play(samples, time));
  }

  // One that fails is replaced by another while the sound is wanted.
  useSpeaker(speaker) {
    const before = this.speaker;
    this.speaker = speaker;
    before?.close();
    if (!this.listening || !this.socket) return this.stopSpeaker();
    this.speaker.setVolume(Number(this.part('volume').value));
    this.speaker.resume();
  }

  stopSpeaker() {
    this.decoder?.close();
    this.decoder = null;
    this.speaker?.close();
    this.speaker = null;
  }

  toggleFigures() {
    const figures = this.part('figures');
    figures.hidden = !figures.hidden;
    this.part('info').setAttribute('aria-pressed', String(!figures.hidden));
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.figure.requestFullscreen?.();
  }

  // What the gateway says of the session.
  know({ viewers, tracks }) {
    const video = tracks.find(({ media }) => media === 'video') ?? tracks[0];
    this.known = video ? { viewers, ...video } : null;
  }

  say(text) {
    const state = this.part('state');
    if (state.textContent !== text) state.textContent = text;
    this.figure.classList.toggle('away', text !== '');
  }

  // What changes by itself: silence, and the figures.
  look() {
    const now = performance.now();
    const open = this.socket?.readyState === WebSocket.OPEN;
    if (open && this.arrived !== null && now - this.arrived > SILENT) {
      this.say('No pictures are coming from the camera.');
    }
    if (open && this.arrived !== null) this.tier.tell(this.drawn.left, this.canvas);
    const rate = this.drawn.count - (this.counted ?? 0);
    const span = now - (this.lookedAt ?? now - 500);
    [this.counted, this.lookedAt] = [this.drawn.count, now];
    if (this.part('figures').hidden) return;
    const ages = [...this.drawn.ages].sort((one, other) => one - other);
    const age = ages[ages.length >> 1];
    const lines = [
      `pictures  ${(1000 * rate / span).toFixed(0)} a second, ${this.canvas.width} x ${this.canvas.height}`,
      `age       ${age === undefined ? '-' : age.toFixed(0) + ' ms from camera to screen'}`,
      `quality   ${this.tier.text()}`,
      `left out  ${this.drawn.left}` + (this.drawn.broken ? `, not decoded ${this.drawn.broken}` : ''),
    ];
    if (this.known) {
      const { viewers, packets, packets_lost: lost, packets_repaired: repaired } = this.known;
      const share = (100 * lost / Math.max(1, packets + lost)).toFixed(1);
      lines.push(`loss      ${share} % of packets` + (lost ? `, ${(100 * repaired / lost).toFixed(0)} % of them repaired` : ''));
      lines.push(`viewers   ${viewers}`);
    }
    const { apart } = this.drawn;
    if (this.speaker && apart !== null) {
      const late = `${Math.abs(apart).toFixed(0)} ms ${apart < 0 ? 'before' : 'behind'} the picture`;
      lines.push(`sound     ${late}, interrupted ${Math.max(0, this.speaker.begun - 1)} times`);
    }
    this.part('figures').textContent = lines.join('\n');
  }
}
