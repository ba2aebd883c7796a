// Which tier a session's pictures are of: the viewer's choice, or what fits the connection, the machine and the window.
'use strict';

class TierControl {
  // `wish` is the name of a tier, 'full' or 'auto'. `send` takes what the gateway is to be told.
  constructor(select, wish, send) {
    this.select = select;
    this.wish = wish;
    this.send = send;
    this.tiers = [];
    this.shown = { tier: null, automatic: false };
    this.told = '';
    select.onchange = () => this.choose(select.value);
  }

  // What the gateway says: which there are, which is shown, and whether nobody has chosen it.
  know({ tier, automatic, tiers }) {
    this.tiers = tiers;
    this.shown = { tier, automatic };
    const label = (name) => {
      const size = tiers.find((it) => it.name === name);
      return size?.width ? `${name}, ${size.width} x ${size.height}` : name ?? 'full';
    };
    const now = automatic ? `automatic: ${label(tier)}` : 'automatic';
    const options = [['auto', now], ['full', 'full'], ...tiers.map(({ name }) => [name, label(name)])];
    this.select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    this.select.value = automatic ? 'auto' : tier ?? 'full';
    this.select.hidden = tiers.length === 0;
  }

  choose(name) {
    this.wish = name;
    this.send(JSON.stringify({ tier: name }));
  }

  // 1 is the session itself, 2 to 5 are its tiers, and 0 is what fits.
  press(number) {
    if (this.tiers.length === 0) return;
    const name = number < 2 ? ['auto', 'full'][number] : this.tiers[number - 2]?.name;
    if (name) this.choose(name);
  }

  // Tells how many pictures came too late to be decoded, and how large they are on the screen.
  tell(late, canvas) {
    const aspect = canvas.width / canvas.height;
    const width = Math.min(canvas.clientWidth, canvas.clientHeight * aspect);
    const pixels = (length) => Math.min(65535, Math.round(length * devicePixelRatio));
    const told = JSON.stringify({ late, width: pixels(width), height: pixels(width / aspect) });
    if (told !== this.told) this.send(told);
    this.told = told;
  }

  // A new connection knows nothing yet.
  forget() {
    this.told = '';
  }

  text() {
    return `${this.shown.tier ?? 'full'}, ${this.shown.automatic ? 'automatically' : 'as chosen'}`;
  }
}
