// What plays in the video: a session live, or a stretch of what is stored; with Shaka Player.

import './shaka.js';
import { ServerClock } from './clock.js';
import { abrManager } from './network.js';
import { Pace } from './pace.js';

const { shaka } = globalThis;

// What every session has at the least: H.264 in fragmented MP4.
const NEEDED = 'video/mp4; codecs="avc1.42E01F"';
// Bits a second until it is known: a network at home.
const FIRST_ESTIMATE = 5_000_000;
// The part of the network that a tier may take: what is live must come faster than it is made.
const SPARED = 0.7;
// Frames whose latency is remembered, a second of them or so.
const FRAMES = 30;
// Milliseconds without a new frame after which what is on the screen gets older.
const FROZEN = 500;

const CONFIGURATION = {
  abr: { defaultBandwidthEstimate: FIRST_ESTIMATE, useNetworkInformation: false, switchInterval: 4, bandwidthUpgradeTarget: SPARED, bandwidthDowngradeTarget: SPARED, restrictToElementSize: true },
  streaming: { lowLatencyMode: true, bufferBehind: 30 },
};

export class Player {
  // `base` is the session's address; `on.failed` takes a sentence, `on.ended`, `on.changed` and `on.loaded` nothing.
  constructor(video, base, clock, on) {
    Object.assign(this, { video, base, clock, on });
    this.shaka = null;
    this.opening = null;
    this.pace = new Pace(video);
    this.mode = null;
    this.turn = 0;
    this.frames = [];
    this.stalls = 0;
    this.tier = 'auto';
    this.tiers = [];
    video.addEventListener('ended', () => on.ended());
    video.addEventListener('waiting', () => { if (this.frames.length > 0 && !video.seeking) this.stalls += 1; });
    this.watchFrames();
  }

  // Why this browser cannot play it, '' if it can.
  static missing() {
    const native = document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
    const source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
    if (!source && !native) return 'This browser cannot play streams: it has no Media Source Extensions.';
    if (source && !source.isTypeSupported(NEEDED)) return 'This browser cannot play H.264, which is what this server sends.';
    return '';
  }

  // One Shaka Player until something fails.
  open() {
    this.opening ??= this.create();
    return this.opening;
  }

  async create() {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    this.shaka = player;
    const factory = () => abrManager(String(this.base));
    player.configure({ ...CONFIGURATION, abrFactory: factory });
    player.addEventListener('error', ({ detail }) => { if (this.shaka === player) this.fail(detail); });
    // Before anything is fetched.
    player.addEventListener('streaming', () => this.apply(false));
    for (const name of ['adaptation', 'variantchanged']) player.addEventListener(name, () => this.on.changed());
    await player.attach(this.video);
  }

  live() {
    return this.load({ live: true }, 'live.m3u8');
  }

  // What is stored from one time to another, in milliseconds since 1970.
  stored(from, to) {
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    return this.load({ live: false, from, to }, `vod.m3u8?${query}`, new Date(from));
  }

  // Of several that are asked for the last one plays.
  async load(mode, path, begin = null) {
    const turn = ++this.turn;
    this.mode = mode;
    this.frames = [];
    try {
      await this.open();
      this.pace.keep(mode.live);
      await this.shaka.load(new URL(path, this.base).href, begin);
      if (turn !== this.turn) return;
      this.on.loaded();
      await this.video.play();
    } catch (error) {
      // Another was asked for, or the browser wants to be touched first.
      if (turn !== this.turn || error.code === shaka.util.Error.Code.LOAD_INTERRUPTED || error.name === 'AbortError') return;
      if (error.name === 'NotAllowedError') return this.on.changed();
      this.fail(error);
    }
  }

  // After this the next one begins anew.
  async stop() {
    this.turn += 1;
    this.mode = null;
    this.frames = [];
    this.pace.keep(false);
    const old = this.shaka;
    this.shaka = null;
    this.opening = this.opening?.catch(() => {}).then(() => old?.destroy()).catch(() => {}).then(() => this.create());
    await this.opening;
  }

  fail(error) {
    if (error.severity === shaka.util.Error.Severity.RECOVERABLE) return;
    this.on.failed(inWords(error), error);
  }

  // As new as it gets, also after a pause.
  catchUp() {
    this.frames = [];
    this.shaka?.goToLive();
  }

  // Moves in what is loaded, by seconds.
  move(seconds) {
    const { start, end } = this.shaka.seekRange();
    this.frames = [];
    this.video.currentTime = Math.min(Math.max(this.video.currentTime + seconds, start), end);
  }

  // Milliseconds since 1970 when what the video has at this time of its own was captured; null if nobody knows.
  captured(time) {
    const date = this.shaka?.getPlayheadTimeAsDate();
    if (!date || !this.mode || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    // Shaka Player means the end of what it lets seek to, where the video is beyond that.
    const meant = Math.min(this.video.currentTime, this.shaka.seekRange().end);
    return date.getTime() + (time - meant) * 1000;
  }

  // That of what is on the screen.
  shown() {
    return this.frames.at(-1)?.captured ?? this.captured(this.video.currentTime);
  }

  watchFrames() {
    if (!('requestVideoFrameCallback' in this.video)) return;
    const look = (_, { mediaTime, expectedDisplayTime }) => {
      const captured = this.captured(mediaTime);
      const displayed = performance.timeOrigin + expectedDisplayTime;
      if (captured !== null) this.frames.push({ captured, displayed });
      if (this.frames.length > FRAMES) this.frames.shift();
      this.video.requestVideoFrameCallback(look);
    };
    this.video.requestVideoFrameCallback(look);
  }

  // Milliseconds from the camera to this screen: the median of the last frames or, where the picture stands still, the
  // age of what is seen. null if nobody knows.
  latency() {
    const { ahead } = this.clock.best();
    const newest = this.frames.at(-1);
    if (!newest) {
      const captured = this.captured(this.video.currentTime);
      return captured === null ? null : this.clock.now() - captured;
    }
    if (ServerClock.here() - newest.displayed > FROZEN) return this.clock.now() - newest.captured;
    const all = this.frames.map(({ captured, displayed }) => displayed + ahead - captured).sort((one, other) => one - other);
    return all[all.length >> 1];
  }

  // 'auto' or the name of a tier.
  choose(name) {
    this.tier = name;
    this.apply(true);
    this.on.changed();
  }

  apply(clear) {
    if (!this.shaka) return;
    const track = this.tier === 'auto' ? null : this.shaka.getVariantTracks().find((track) => this.tierOf(track)?.name === this.tier);
    this.shaka.configure('abr.enabled', !track);
    // What was fetched of another tier is thrown away, but not the second that is about to be shown.
    if (track && !track.active) this.shaka.selectVariantTrack(track, clear, clear && !this.mode?.live ? 1 : 0);
  }

  // By its address, which is that of the tier's playlist.
  tierOf(track) {
    const parts = (track.originalVideoId ?? '').split('/');
    return this.tiers.find(({ name }) => parts.includes(name)) ?? this.tiers.find(({ width, height }) => width === track.width && height === track.height);
  }

  playing() {
    const track = this.shaka?.getVariantTracks().find(({ active }) => active);
    return track ? this.tierOf(track) ?? null : null;
  }

  figures() {
    const { droppedFrames = 0, decodedFrames = 0, estimatedBandwidth = 0 } = this.shaka?.getStats() ?? {};
    const ahead = this.pace.ahead();
    return { dropped: droppedFrames || 0, decoded: decodedFrames || 0, bandwidth: estimatedBandwidth || 0, ahead, stalls: this.stalls };
  }
}

// What went wrong, as a viewer can be told.
function inWords({ code, category, data, message }) {
  const { Code, Category } = shaka.util.Error;
  const status = code === Code.BAD_HTTP_STATUS ? data[1] : null;
  if ([401, 403, 410].includes(status)) return EXPIRED;
  if (status === 404) return 'Nothing is there.';
  if (status) return `The server answers with error ${status}.`;
  if (category === Category.NETWORK) return 'The server does not answer.';
  if (code === Code.CONTENT_UNSUPPORTED_BY_BROWSER) return 'This browser cannot play H.264, which is what this server sends.';
  if (category === Category.MEDIA) return `This browser cannot decode what it was sent (${code}).`;
  return code ? `It cannot be played (${code}).` : `The player failed: ${message}.`;
}

export const EXPIRED = 'This address has expired or is not valid. Ask for a new one.';
