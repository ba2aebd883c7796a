// What is stored, hour by hour as the server says it, and as stretches without a gap.

const HOUR = 3_600_000;
// Milliseconds between two spans that are none to a viewer: hours end where segments do not.
const JOIN = 250;
// Hours that are remembered, the longest time line twice over.
const HOURS_MAX = 24 * 14;

export class Stretches {
  // `base` is the session's address.
  constructor(base) {
    this.base = base;
    this.hours = new Map();
    this.list = [];
  }

  // Asks for what is stored in this time, in milliseconds since 1970; false where nobody answers.
  async look(from, to) {
    const first = Math.floor(from / HOUR) * HOUR;
    const query = new URLSearchParams({ from: new Date(first).toISOString(), to: new Date(to).toISOString() });
    const answer = await fetch(new URL(`hours.json?${query}`, this.base), { cache: 'no-store' }).catch(() => null);
    const said = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!said) return false;
    for (const begin of this.hours.keys()) if (begin >= first && begin < to) this.hours.delete(begin);
    for (const hour of said.hours) this.hours.set(hour.begin, hour);
    this.forget(first);
    this.join();
    return true;
  }

  // Those farthest from what is looked at go first.
  forget(near) {
    if (this.hours.size <= HOURS_MAX) return;
    const far = [...this.hours.keys()].sort((one, other) => Math.abs(other - near) - Math.abs(one - near));
    for (const begin of far.slice(0, this.hours.size - HOURS_MAX)) this.hours.delete(begin);
  }

  join() {
    const spans = [...this.hours.values()].flatMap(({ spans }) => spans).sort(([one], [other]) => one - other);
    this.list = [];
    for (const [from, to] of spans) {
      const last = this.list.at(-1);
      if (last && from - last.to <= JOIN) last.to = Math.max(last.to, to);
      else this.list.push({ from, to });
    }
  }

  // The stretch that this time is in.
  at(time) {
    return this.list.find(({ from, to }) => from <= time && time < to) ?? null;
  }

  // The first that begins then or later.
  after(time) {
    return this.list.find(({ from }) => from >= time) ?? null;
  }

  // The last that ends then or before.
  before(time) {
    return this.list.findLast(({ to }) => to <= time) ?? null;
  }

  hourOf(time) {
    return this.hours.get(Math.floor(time / HOUR) * HOUR) ?? null;
  }

  within(from, to) {
    return [...this.hours.values()].filter(({ begin }) => begin + HOUR > from && begin < to);
  }
}

export { HOUR };
