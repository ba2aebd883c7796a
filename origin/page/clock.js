// The server's clock, as far as this browser can tell.

// Answers of which the fastest is believed.
const KEPT = 8;
// Milliseconds of difference from which on it is said.
const SAID = 500;

export class ServerClock {
  constructor() {
    this.answers = [];
  }

  // Milliseconds since 1970, by this browser's clock, that never steps while the page is open.
  static here() {
    return performance.timeOrigin + performance.now();
  }

  // `now` is what the server's clock said at some time between `asked` and `answered`.
  hear(now, asked, answered) {
    this.answers.push({ trip: answered - asked, ahead: now - (asked + answered) / 2 });
    if (this.answers.length > KEPT) this.answers.shift();
  }

  best() {
    return this.answers.reduce((best, answer) => (answer.trip < best.trip ? answer : best), { trip: Infinity, ahead: 0 });
  }

  // Milliseconds since 1970, by the server's clock.
  now() {
    return ServerClock.here() + this.best().ahead;
  }

  // In words, where the two differ by more than how well that is known.
  difference() {
    const { trip, ahead } = this.best();
    if (Math.abs(ahead) < Math.max(SAID, trip)) return '';
    const seconds = (Math.abs(ahead) / 1000).toFixed(1);
    return `This computer's clock is ${seconds} s ${ahead > 0 ? 'behind' : 'ahead of'} the server's; the latency is by the server's.`;
  }
}
