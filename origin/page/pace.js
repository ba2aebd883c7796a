// How fast what is live plays, so that as little as it takes waits in the browser: a bit faster while more does, a bit
// slower while it may run out. Players that reckon where life is by the time at which they were started are late by as
// long as that took.

// Milliseconds between looks, and how long ago what is looked at together may be: parts come in once in 200 ms or so.
const LOOK_EVERY = 100;
const LOOKED_AT = 1200;
// Seconds that are to be left when least is: at first; more after each time that it ran out; less with time.
const LEFT_MIN = 0.15;
const LEFT_MAX = 1.5;
const LEFT_MORE = 0.1;
const LEFT_LESS = 0.01;
// Milliseconds without running out after which it is less.
const QUIET = 5000;
// Seconds more or less that are let be.
const TOLERANCE = 0.06;
// How fast and how slowly it plays: to the ear, and to the eye alone.
const FASTEST = 1.1;
const FASTEST_MUTED = 1.3;
const SLOWEST = 0.95;
// Seconds that are skipped rather than caught up with.
const SKIPPED = 4;

export class Pace {
  constructor(video) {
    this.video = video;
    this.on = false;
    this.left = LEFT_MIN;
    this.looks = [];
    this.quiet = performance.now();
    video.addEventListener('waiting', () => this.ranOut());
    setInterval(() => this.look(), LOOK_EVERY);
  }

  // While `on`, from now on.
  keep(on) {
    this.on = on;
    this.looks = [];
    this.quiet = performance.now();
    this.turn(1);
  }

  ranOut() {
    if (!this.on || this.video.seeking || this.looks.length === 0) return;
    this.left = Math.min(this.left + LEFT_MORE, LEFT_MAX);
    this.quiet = performance.now();
    this.looks = [];
    this.turn(1);
  }

  look() {
    const { video } = this;
    if (!this.on || video.paused || video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return;
    const now = performance.now();
    if (now - this.quiet > QUIET) {
      this.left = Math.max(this.left - LEFT_LESS, LEFT_MIN);
      this.quiet = now;
    }
    this.looks.push({ at: now, left: this.ahead() });
    const full = now - this.looks[0].at >= LOOKED_AT;
    this.looks = this.looks.filter(({ at }) => now - at <= LOOKED_AT);
    if (full) this.choose(Math.min(...this.looks.map(({ left }) => left)));
  }

  // Seconds that both sound and pictures are there for.
  ahead() {
    const { buffered, currentTime } = this.video;
    for (let range = buffered.length - 1; range >= 0; range -= 1) {
      if (buffered.start(range) <= currentTime) return buffered.end(range) - currentTime;
    }
    return 0;
  }

  choose(least) {
    const more = least - this.left;
    if (more > SKIPPED) {
      this.looks = [];
      this.video.currentTime += more;
      return;
    }
    const fastest = this.video.muted ? FASTEST_MUTED : FASTEST;
    // A quarter of it in a second.
    if (more > TOLERANCE) this.turn(Math.min(1 + more / 4, fastest));
    else if (more < -TOLERANCE) this.turn(SLOWEST);
    else this.turn(1);
  }

  // Shaka Player goes back to the default by itself.
  turn(rate) {
    const rounded = Math.round(rate * 50) / 50;
    if (rounded === this.video.playbackRate) return;
    this.video.defaultPlaybackRate = rounded;
    this.video.playbackRate = rounded;
  }
}
