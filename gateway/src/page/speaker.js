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
// Seconds in which the least lead is looked for, before the distance is changed.
const WATCHED = 2;

// The context's time that leaves the loudspeaker now. Its currentTime goes in steps of the sound card's, 10 ms or more.
function outputTime(context) {
  const { contextTime, performanceTime } = context.getOutputTimestamp?.() ?? {};
  if (performanceTime > 0) return contextTime + (performance.now() - performanceTime) / 1000;
  return context.currentTime - (context.outputLatency || context.baseLatency || 0);
}

class Speaker {
  constructor(format) {
    this.format = format;
    this.context = new AudioContext({ sampleRate: format.rate, latencyHint: 'interactive' });
    this.volume = this.context.createGain();
    this.volume.connect(this.context.destination);
    this.sources = new Set();
    // Context seconds minus capture seconds, as it should be; null before the first sound.
    this.distance = null;
    // The same, of what was scheduled last, and where that ends.
    this.actual = 0;
    this.end = 0;
    this.least = Infinity;
    this.watched = 0;
    this.lead = LEAD;
    // How often it was begun: at first, and after each interruption.
    this.begun = 0;
  }

  setVolume(volume) {
    this.volume.gain.value = volume;
  }

  // Plays samples that were captured at so many milliseconds.
  play(samples, captured) {
    if (this.context.state !== 'running') {
      // Its clock stands still: what is scheduled now would wait for ever.
      this.distance = null;
      return;
    }
    const { rate, channels } = this.format;
    const now = this.context.currentTime;
    const at = captured / 1000;
    const place = at + this.distance;
    if (this.distance === null || place < now || place > now + AHEAD_MAX) this.begin(at, now);
    // Behind a hole.
    else if (this.end < now || Math.abs(place - this.end) > JUMP) this.end = place;
    this.follow(now);
    const buffer = this.context.createBuffer(channels, samples.length / channels, rate);
    for (let channel = 0; channel < channels; channel += 1) {
      const to = buffer.getChannelData(channel);
      for (let i = 0; i < to.length; i += 1) to[i] = samples[i * channels + channel] / 32768;
    }
    const late = this.end - (at + this.distance);
    const source = this.context.createBufferSource();
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
    for (const source of this.sources) source.stop();
    this.sources.clear();
    if (this.begun > 0) this.lead = Math.min(1.5 * this.lead, LEAD_MAX);
    this.distance = now + this.lead - at;
    this.end = now + this.lead;
    this.begun += 1;
    this.watch(now);
  }

  watch(now) {
    this.least = Infinity;
    this.watched = now + WATCHED;
  }

  // Sound that is ready later and later, or earlier, is moved little by little.
  follow(now) {
    this.least = Math.min(this.least, this.end - now);
    if (now < this.watched) return;
    if (this.least < LEAD_MIN) this.distance += LEAD_MIN - this.least;
    else if (this.least > this.lead) this.distance -= Math.min(this.least - this.lead, SLEW * WATCHED);
    this.watch(now);
  }

  // When what is heard now was captured, in milliseconds; null when nothing is.
  heard() {
    if (this.distance === null || this.context.state !== 'running') return null;
    if (this.end < this.context.currentTime) return null;
    return (outputTime(this.context) - this.actual) * 1000;
  }

  // Browsers begin sound, and go on with it, only at a click.
  resume() {
    this.context.resume();
  }

  close() {
    this.context.close();
  }
}
