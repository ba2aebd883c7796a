// How old the picture is that `source` (a canvas or an image) shows, each time that the screen is drawn with another one:
// each has its number in its upper edge, most significant bit first, and is that of its time, 30 a second, `count` in
// turn.
(source, count) => {
  const bits = 16;
  const edge = new OffscreenCanvas(bits, 1).getContext('2d', { willReadFrequently: true });
  const ages = [];
  let before = null;
  const look = () => {
    const width = source.naturalWidth ?? source.width;
    if (width > 100) {
      edge.drawImage(source, 0, 8, width, 1, 0, 0, bits, 1);
      const { data } = edge.getImageData(0, 0, bits, 1);
      const number = Array.from({ length: bits }, (_, bit) => data[4 * bit] > 127).reduce((sum, bit) => 2 * sum + bit, 0);
      const now = (performance.timeOrigin + performance.now()) * 30 / 1000;
      if (number < count && number !== before) ages.push(((now - number) % count) * 1000 / 30);
      before = number;
    }
    requestAnimationFrame(look);
  };
  look();
  window.ages = ages;
}
