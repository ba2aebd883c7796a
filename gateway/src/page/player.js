// Plays a session's sound on the audio thread, where nothing that the page does holds it up: the loudspeaker's end of
// worklet.js.
'use strict';

// Seconds of sound that are ready when it begins, and at least from then on; after each interruption half as much
// again, up to a bound.
const LEAD = 0.06;
const LEAD_MIN = 0.015;
const LEAD_MAX = 0.2;
// Seconds of sound that may be ready: more would be heard that much later.
const AHEAD_MAX = 0.4;
// Seconds of missing sound from which on silence takes its place: less is not heard.
const HOLE = 0.005;
const HOLE_MAX = 2;
// The most that it is played faster or slower by: a twentieth of a semitone.
const SLEW = 0.003;
// Seconds in which the least that is ready is looked for, before the speed is changed.
const WATCHED = 2;
// Blocks between reports of what is heard.
const REPORT_EVERY = 8;

class Player extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate, channels } }) {
    super();
    this.rate = rate;
    this.channels = channels;
    // Samples of a session for one of the loudspeaker's.
    this.step = rate / sampleRate;
    this.speed = 1;
    this.pieces = [];
    // Sample frame of the first piece that is heard next.
    this.position = 0;
    this.playing = false;
    this.lead = LEAD;
    this.begun = 0;
    this.blocks = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take({ samples, captured }) {
    const last = this.pieces.at(-1);
    const missing = last ? (captured - this.end(last)) / 1000 : 0;
    if (missing > HOLE && missing < HOLE_MAX) {
      const frames = Math.round(missing * this.rate);
      this.pieces.push({ samples: new Int16Array(frames * this.channels), captured: this.end(last) });
    } else if (Math.abs(missing) > HOLE) {
      // The sender's clock goes on somewhere else.
      this.pieces = [];
      this.position = 0;
      this.playing = false;
    }
    this.pieces.push({ samples, captured });
    const ready = this.ready();
    if (!this.playing && ready >= this.lead) this.begin();
    // What is too old is left out.
    else if (this.playing && ready > AHEAD_MAX) this.begin();
  }

  begin() {
    this.skip((this.ready() - this.lead) * this.rate);
    this.playing = true;
    this.speed = 1;
    this.begun += 1;
    this.watch();
  }

  interrupted() {
    this.playing = false;
    this.lead = Math.min(1.5 * this.lead, LEAD_MAX);
  }

  watch() {
    this.least = Infinity;
    this.watched = currentTime + WATCHED;
  }

  frames({ samples }) {
    return samples.length / this.channels;
  }

  // Milliseconds since 1970 at which a piece ends.
  end(piece) {
    return piece.captured + 1000 * this.frames(piece) / this.rate;
  }

  // Seconds that are ready.
  ready() {
    const frames = this.pieces.reduce((sum, piece) => sum + this.frames(piece), 0);
    return (frames - this.position) / this.rate;
  }

  skip(frames) {
    this.position += Math.max(0, frames);
    while (this.pieces.length > 0 && this.position >= this.frames(this.pieces[0])) {
      this.position -= this.frames(this.pieces.shift());
    }
    if (this.pieces.length === 0) this.position = 0;
  }

  // One value, between two samples.
  value(channel) {
    const [piece, next] = this.pieces;
    const frame = Math.floor(this.position);
    const at = (frame) => piece.samples[frame * this.channels + channel];
    const here = at(frame);
    const behind = frame + 1 < this.frames(piece) ? at(frame + 1) : next ? next.samples[channel] : here;
    return (here + (behind - here) * (this.position - frame)) / 32768;
  }

  process(inputs, [outputs]) {
    const length = outputs[0].length;
    this.report();
    for (let i = 0; i < length && this.playing; i += 1) {
      for (let channel = 0; channel < outputs.length; channel += 1) {
        outputs[channel][i] = this.value(Math.min(channel, this.channels - 1));
      }
      this.skip(this.step * this.speed);
      // Nothing came in time.
      if (this.pieces.length === 0) this.interrupted();
    }
    if (this.playing) this.follow();
    return true;
  }

  // More and more that is ready, or less, is played faster or slower.
  follow() {
    this.least = Math.min(this.least, this.ready());
    if (currentTime < this.watched) return;
    const off = this.least < LEAD_MIN ? this.least - LEAD_MIN : Math.max(0, this.least - this.lead);
    this.speed = 1 + Math.max(-SLEW, Math.min(SLEW, off / WATCHED));
    this.watch();
  }

  report() {
    this.blocks += 1;
    if (this.blocks % REPORT_EVERY !== 0) return;
    const { playing, begun, speed } = this;
    const captured = playing ? this.pieces[0].captured + 1000 * this.position / this.rate : null;
    this.port.postMessage({ time: currentTime, captured, begun, speed });
  }
}

registerProcessor('player', Player);
