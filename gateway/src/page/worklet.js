// A speaker whose sound is played on the audio thread by player.js: where the browser lets it, which is on pages that
// came encrypted.
'use strict';

class WorkletSpeaker {
  // `failed` is called if it cannot play.
  constructor(format, failed) {
    this.failed = failed;
    this.format = format;
    this.context = new AudioContext({ sampleRate: format.rate, latencyHint: 'interactive' });
    this.volume = this.context.createGain();
    this.volume.connect(this.context.destination);
    this.node = null;
    // What the player said last: that at `time`, in the context's seconds, it played what was `captured` then.
    this.said = { time: 0, captured: null, begun: 0, speed: 1 };
    this.open();
  }

  async open() {
    const { rate, channels } = this.format;
    try {
      await this.context.audioWorklet.addModule(new URL('player.js', document.baseURI));
      if (this.context.state === 'closed') return;
      this.node = new AudioWorkletNode(this.context, 'player', {
        numberOfInputs: 0,
        outputChannelCount: [channels],
        processorOptions: { rate, channels },
      });
    } catch {
      if (this.context.state !== 'closed') this.failed();
      return;
    }
    this.node.onprocessorerror = () => this.failed();
    this.node.port.onmessage = ({ data }) => { this.said = data; };
    this.node.connect(this.volume);
  }

  get begun() {
    return this.said.begun;
  }

  setVolume(volume) {
    this.volume.gain.value = volume;
  }

  play(samples, captured) {
    if (this.context.state !== 'running') return;
    this.node?.port.postMessage({ samples, captured }, [samples.buffer]);
  }

  // When what is heard now was captured, in milliseconds; null when nothing is.
  heard() {
    const { time, captured, speed } = this.said;
    if (captured === null || this.context.state !== 'running') return null;
    return captured + 1000 * speed * (outputTime(this.context) - time);
  }

  // Browsers begin sound, and go on with it, only at a click.
  resume() {
    this.context.resume();
  }

  close() {
    this.context.close();
  }
}

// The speaker that this browser has.
function openSpeaker(format, failed) {
  return window.AudioWorkletNode && window.isSecureContext ? new WorkletSpeaker(format, failed) : new Speaker(format);
}
