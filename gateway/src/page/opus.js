// Decodes Opus by the browser's own decoder, where it lets the page: on this machine, and on pages that came encrypted.
'use strict';

class OpusDecoder {
  // `play` takes interleaved samples of 16 bits, and when the first was captured, in milliseconds.
  constructor({ rate, channels }, play) {
    this.channels = channels;
    this.play = play;
    this.configuration = { codec: 'opus', sampleRate: rate, numberOfChannels: channels };
    this.open();
  }

  static isThere() {
    return 'AudioDecoder' in window && 'EncodedAudioChunk' in window;
  }

  open() {
    // One that fails is closed, and the next packet opens another one.
    this.decoder = new AudioDecoder({ output: (sound) => this.decoded(sound), error: () => {} });
    this.decoder.configure(this.configuration);
  }

  // Every packet can be the first.
  decode(data, captured) {
    if (this.decoder.state === 'closed') this.open();
    this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: Math.round(1000 * captured), data }));
  }

  decoded(sound) {
    const { channels } = this;
    const count = sound.numberOfFrames;
    const samples = new Int16Array(count * channels);
    const plane = new Float32Array(count);
    for (let channel = 0; channel < channels; channel += 1) {
      const planeIndex = Math.min(channel, sound.numberOfChannels - 1);
      sound.copyTo(plane, { planeIndex, format: 'f32-planar' });
      for (let index = 0; index < count; index += 1) {
        samples[index * channels + channel] = Math.max(-1, Math.min(1, plane[index])) * 32767;
      }
    }
    this.play(samples, sound.timestamp / 1000);
    sound.close();
  }

  close() {
    if (this.decoder.state !== 'closed') this.decoder.close();
  }
}
