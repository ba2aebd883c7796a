// The time line: what is stored in the last hours, drawn, and where in it a viewer is.

import { HOUR } from './stretches.js';
import { bytesOf, lengthOf, rangeOf, tickOf, timeOf } from './times.js';

const MINUTE = 60_000;
// Between two ticks, of which the first that leaves them apart is taken.
const TICKS = [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 24 * HOUR];
// Pixels that a tick's words need.
const TICK_WIDTH = 90;
// Heights: of the flags, of what is stored; the ticks are below it.
const TOP = 22;
const BAND = 28;
// How far the arrow keys go, in milliseconds; and with shift.
const STEP = 10_000;
const LEAP = 60_000;
// Room at the right for what happens meanwhile, as a part of the whole.
const AHEAD = 0.02;
// Pixels of a flag's words at most, as the style says: they are on the other side where there is no room.
const FLAG_WIDTH = 144;

const part = (id) => document.getElementById(id);

export class TimeLine {
  // `on.go` takes a time in milliseconds since 1970, `on.look` what is to be asked for.
  constructor(stretches, clock, on) {
    Object.assign(this, { stretches, clock, on });
    this.length = HOUR;
    // Where it ends, or null while it follows the time.
    this.end = null;
    this.position = null;
    this.events = [];
    this.bar = part('bar');
    this.canvas = part('line');
    this.context = this.canvas.getContext('2d');
    this.listen();
  }

  listen() {
    const { bar } = this;
    new ResizeObserver(() => this.draw()).observe(bar);
    matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => this.draw());
    bar.addEventListener('click', (event) => {
      if (event.target.closest('#flags button')) return;
      this.on.go(this.timeAt(event.clientX));
    });
    bar.addEventListener('pointermove', (event) => this.hover(event.clientX));
    bar.addEventListener('pointerleave', () => { part('hover').hidden = true; });
    bar.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    bar.addEventListener('keydown', (event) => this.press(event));
    for (const button of part('lengths').children) button.onclick = () => this.zoom(Number(button.dataset.hours) * HOUR);
    part('earlier').onclick = () => this.turn(-1);
    part('later').onclick = () => this.turn(1);
  }

  to() {
    return this.end ?? this.clock.now() + this.length * AHEAD;
  }

  from() {
    return this.to() - this.length;
  }

  timeAt(x) {
    const { left, width } = this.bar.getBoundingClientRect();
    return this.from() + Math.min(Math.max((x - left) / width, 0), 1) * this.length;
  }

  // Around what is played, so that it stays in sight.
  zoom(length) {
    this.length = length;
    for (const button of part('lengths').children) button.setAttribute('aria-pressed', String(Number(button.dataset.hours) * HOUR === length));
    const shown = this.end === null ? null : this.position ?? this.end;
    this.show(shown === null ? null : shown + length / 2);
  }

  turn(pages) {
    this.show(this.to() + pages * this.length * 0.75);
  }

  // Ends then; with the time if that is to come.
  show(end) {
    this.end = end === null || end >= this.clock.now() ? null : end;
    part('hover').hidden = true;
    this.draw();
    this.on.look(this.from(), this.to());
  }

  // Brings a time into sight.
  reveal(time) {
    if (time < this.from() || time > this.to()) this.show(time + this.length / 2);
  }

  wheel(event) {
    const along = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!along && !event.shiftKey) return;
    event.preventDefault();
    this.show(this.to() + Math.sign(event.deltaX || event.deltaY) * this.length * 0.1);
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== this.bar) return;
    const far = event.shiftKey ? LEAP : STEP;
    const now = this.position ?? this.clock.now();
    const keys = {
      ArrowLeft: () => this.on.go(now - far),
      ArrowRight: () => this.on.go(now + far),
      PageUp: () => this.turn(-1),
      PageDown: () => this.turn(1),
      Home: () => this.stretches.list[0] && this.on.go(this.stretches.list[0].from),
      End: () => this.on.go(Infinity),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  hover(x) {
    const time = this.timeAt(x);
    const hover = part('hover');
    hover.textContent = `${timeOf(time, this.clock.now())}: ${this.describe(time)}`;
    hover.hidden = false;
    const { left, width } = this.bar.getBoundingClientRect();
    hover.style.left = `${Math.min(Math.max(x - left - hover.offsetWidth / 2, 0), width - hover.offsetWidth)}px`;
  }

  describe(time) {
    if (time > this.clock.now()) return 'to come';
    const stretch = this.stretches.at(time);
    if (!stretch) return 'nothing stored';
    const hour = this.stretches.hourOf(time);
    const lost = hour?.lost ? `, ${hour.lost} pictures lost in this hour` : '';
    return `${lengthOf(stretch.to - stretch.from)} stored without a gap` + (hour ? `, ${bytesOf(hour.bytes)} in this hour${lost}` : '');
  }

  // Where what is on the screen was captured, or null.
  place(position) {
    this.position = position;
    this.draw();
  }

  mark(events) {
    this.events = events;
    this.draw();
  }

  draw() {
    const { width, height } = this.bar.getBoundingClientRect();
    if (width === 0) return;
    const scale = devicePixelRatio;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const style = getComputedStyle(this.bar);
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const { context } = this;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const [from, to] = [this.from(), this.to()];
    const x = (time) => (time - from) / (to - from) * width;
    this.drawStored(x, width, colour);
    this.drawTicks(x, width, colour);
    this.drawPosition(x, colour);
    this.drawFlags(x, width);
    part('range').textContent = rangeOf(from, Math.min(to, this.clock.now()));
    part('later').disabled = this.end === null;
    this.say(from, to);
  }

  drawStored(x, width, colour) {
    const { context } = this;
    const now = Math.min(x(this.clock.now()), width);
    context.fillStyle = colour('gap');
    context.fillRect(0, TOP, now, BAND);
    context.fillStyle = colour('stored');
    for (const { from, to } of this.stretches.list) {
      const [left, right] = [Math.max(x(from), 0), Math.min(x(to), width)];
      if (right > 0 && left < width) context.fillRect(left, TOP, Math.max(right - left, 1), BAND);
    }
    context.fillStyle = colour('lost');
    for (const { spans, lost } of this.stretches.within(this.from(), this.to())) {
      if (lost) for (const [from, to] of spans) context.fillRect(x(from), TOP + BAND - 4, Math.max(x(to) - x(from), 1), 4);
    }
    context.fillStyle = colour('flag');
    for (const { from, to } of this.events) context.fillRect(x(from), TOP, Math.max(x(to) - x(from), 2), 4);
  }

  drawTicks(x, width, colour) {
    const { context } = this;
    const every = TICKS.find((tick) => tick / this.length * width >= TICK_WIDTH) ?? TICKS.at(-1);
    const from = this.from();
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'top';
    context.textAlign = 'center';
    // Hours are counted by the clock on the wall here.
    const zone = new Date(from).getTimezoneOffset() * MINUTE;
    for (let tick = Math.ceil((from - zone) / every) * every + zone; tick < this.to(); tick += every) {
      context.fillStyle = colour('edge');
      context.fillRect(x(tick), TOP + BAND, 1, 5);
      context.fillStyle = colour('quiet');
      const text = tickOf(tick);
      const half = context.measureText(text).width / 2;
      if (x(tick) > half && x(tick) < width - half) context.fillText(text, x(tick), TOP + BAND + 7);
    }
  }

  drawPosition(x, colour) {
    if (this.position === null) return;
    const { context } = this;
    const at = x(this.position);
    context.fillStyle = colour('front');
    context.fillRect(at - 1, TOP - 4, 2, BAND + 8);
    context.beginPath();
    context.moveTo(at - 5, TOP - 8);
    context.lineTo(at + 5, TOP - 8);
    context.lineTo(at, TOP - 1);
    context.fill();
  }

  // Flags are buttons, made anew only if they are others.
  drawFlags(x, width) {
    const flags = part('flags');
    const seen = this.events.filter(({ at }) => x(at) >= 0 && x(at) <= width);
    const names = JSON.stringify(seen);
    if (flags.dataset.names !== names) {
      flags.dataset.names = names;
      flags.replaceChildren(...seen.map((event) => {
        const flag = document.createElement('button');
        flag.textContent = event.label || 'kept';
        flag.title = `${flag.textContent}, ${timeOf(event.at, this.clock.now())}`;
        flag.onclick = () => this.on.go(event.from);
        return flag;
      }));
    }
    // The words of the newest go first; those for which there is no room are in the list below.
    let words = [];
    for (const [number, { at }] of [...seen.entries()].reverse()) {
      const flag = flags.children[number];
      const left = width - x(at) < FLAG_WIDTH;
      flag.className = left ? 'left' : '';
      flag.style.left = left ? '' : `${x(at)}px`;
      flag.style.right = left ? `${width - x(at)}px` : '';
      const taken = [flag.offsetLeft, flag.offsetLeft + flag.offsetWidth];
      if (words.some(([from, to]) => taken[0] < to && taken[1] > from)) flag.classList.add('bare');
      else words = [...words, taken];
    }
  }

  say(from, to) {
    const now = this.clock.now();
    const position = this.position ?? now;
    const said = {
      'aria-valuemin': Math.round(from / 1000),
      'aria-valuemax': Math.round(to / 1000),
      'aria-valuenow': Math.round(position / 1000),
      'aria-valuetext': timeOf(position, now),
    };
    for (const [name, value] of Object.entries(said)) this.bar.setAttribute(name, String(value));
  }
}
