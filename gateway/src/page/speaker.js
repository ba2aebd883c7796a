// Plays a session's sound so that what was captured together is heard together, and says what is being heard.
'use strict';

// Seconds of sound that are ready when it begins, and at least from then on; after each interruption half as much
// again, up to a bound.
const LEAD = 0.06;
const LEAD_MIN = 0.015;
const LEAD_MAX = 0.2;
// Seconds of sound that may be ready: more would be heard that much later.
const AHEAD_MAX = 0.4;
// Seconds that sound may be from where it belongs before it is moved at once; below, it is played faster or slower.
const JUMP = 0.05;
// The most that it is played faster or slower by: a twentieth of a semitone.
const SLEW = 0.003;
// How much of its distance is made up for in a second.
const PULL = 0.1;
// Seconds without anything that was presented after which what is off in a room is not one who is off, but all.
const ALONE = 0.5;
// Seconds in which the least lead is looked for, before the distance is changed.
const WATCHED = 2;

// The context's time that leaves the loudspeaker now. Its currentTime goes in steps of the sound card's, 10 ms or more.
function outputTime(context) {
  const { contextTime, performanceTime } = context.getOutputTimestamp?.() ?? {};
  if (performanceTime > 0) return contextTime + (performance.now() - performanceTime) / 1000;
  return context.currentTime - (context.outputLatency || context.baseLatency || 0);
}

// How far a clock's seconds are ahead of those of what is presented by it. Whoever shares one is in step.
class Pace {
  // Seconds that are ready when it begins, at least from then on, and at most when it has begun anew.
  constructor(lead, least, most) {
    this.lead = lead;
    this.leadMin = least;
    this.leadMax = most;
    // As it should be; null before the first that is presented.
    this.distance = null;
    // When something was presented last.
    this.served = -Infinity;
    this.watch(0);
  }

  // What is of the time `at` comes in time from now on.
  begin(at, now) {
    if (this.distance !== null) this.lead = Math.min(1.5 * this.lead, this.leadMax);
    this.distance = now + this.lead - at;
    this.watch(now);
  }

  // Whether what is off is left out: one whose time was set, or who is late, must not take the others along. If nobody
  // is presented any more, all begin anew.
  leavesOut(off, now) {
    if (off && this.distance !== null && now - this.served < ALONE) return true;
    this.served = now;
    return false;
  }

  watch(now) {
    this.least = Infinity;
    this.watched = now + WATCHED;
  }

  // What is ready later and later, or earlier, is moved little by little.
  follow(ready, now) {
    this.least = Math.min(this.least, ready);
    if (now < this.watched) return;
    if (this.least < this.leadMin) this.distance += this.leadMin - this.least;
    else if (this.least > this.lead) this.distance -= Math.min(this.least - this.lead, SLEW * WATCHED);
    this.watch(now);
  }
}

class Speaker {
  // In a room, all play in one context, in step.
  constructor(format, step) {
    this.format = format;
    this.shared = step !== undefined;
    this.context = step?.mixer() ?? new AudioContext({ sampleRate: format.rate, latencyHint: 'interactive' });
    this.pace = step?.sound ?? new Pace(LEAD, LEAD_MIN, LEAD_MAX);
    this.volume = this.context.createGain();
    this.volume.connect(this.context.destination);
    this.sources = new Set();
    // The distance of what was scheduled last, and where that ends.
    this.actual = 0;
    this.end = null;
    // How often it was begun: at first, and after each interruption.
    this.begun = 0;
  }

  setVolume(volume) {
    this.volume.gain.value = volume;
  }

  // Plays samples that were captured at so many milliseconds.
  play(samples, captured) {
    const { context, pace } = this;
    if (context.state !== 'running') {
      // Its clock stands still: what is scheduled now would wait for ever.
      pace.distance = null;
      this.end = null;
      return;
    }
    const { rate, channels } = this.format;
    const now = context.currentTime;
    const at = captured / 1000;
    const place = at + pace.distance;
    const ahead = place > now + AHEAD_MAX;
    if (this.shared && pace.leavesOut(ahead || place < now - LEAD_MAX, now)) return;
    if (pace.distance === null || place < now || ahead) this.begin(at, now);
    // At first, and behind a hole.
    else if (this.end === null || this.end < now || Math.abs(place - this.end) > JUMP) this.join(place);
    pace.follow(this.end - now, now);
    const buffer = context.createBuffer(channels, samples.length / channels, rate);
    for (let channel = 0; channel < channels; channel += 1) {
      const to = buffer.getChannelData(channel);
      for (let i = 0; i < to.length; i += 1) to[i] = samples[i * channels + channel] / 32768;
    }
    const late = this.end - (at + pace.distance);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.playbackRate.value = 1 + Math.max(-SLEW, Math.min(SLEW, late * PULL));
    source.connect(this.volume);
    source.onended = () => this.sources.delete(source);
    source.start(this.end);
    this.sources.add(source);
    this.actual = this.end - at;
    this.end += buffer.duration / source.playbackRate.value;
  }

  // Begins anew: what is scheduled would be heard beside what comes now.
  begin(at, now) {
    this.stop();
    this.pace.begin(at, now);
    this.end = now + this.pace.lead;
    this.begun += 1;
  }

  // Goes on where the others are.
  join(place) {
    if (this.end === null) this.begun += 1;
    this.end = place;
  }

  stop() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  // When what is heard now was captured, in milliseconds; null when nothing is.
  heard() {
    if (this.end === null || this.context.state !== 'running') return null;
    if (this.end < this.context.currentTime) return null;
    return (outputTime(this.context) - this.actual) * 1000;
  }

  // Browsers begin sound, and go on with it, only at a click.
  resume() {
    this.context.resume();
  }

  close() {
    this.stop();
    this.volume.disconnect();
    if (!this.shared) this.context.close();
  }
}
