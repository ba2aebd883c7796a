// In the page: the time of day that streamsocket's built-in picture has in its lowest quarter (HH:MM:SS.mmm, UTC, in the
// letters of font8x8's BASIC_LEGACY), read from what a video shows.
//
// timeCode(video, width, height) is a function without arguments; width and height are those of the picture as it was
// drawn, whatever the video has now. It gives milliseconds since midnight, or null where nothing can be read.
window.timeCode = (video, width, height) => {
  const GLYPH = 8;
  const LETTERS = 12;
  // Pixels of a letter that may be others.
  const WRONG_MAX = 10;
  const glyphs = {
    0: [0x3E, 0x63, 0x73, 0x7B, 0x6F, 0x67, 0x3E, 0x00],
    1: [0x0C, 0x0E, 0x0C, 0x0C, 0x0C, 0x0C, 0x3F, 0x00],
    2: [0x1E, 0x33, 0x30, 0x1C, 0x06, 0x33, 0x3F, 0x00],
    3: [0x1E, 0x33, 0x30, 0x1C, 0x30, 0x33, 0x1E, 0x00],
    4: [0x38, 0x3C, 0x36, 0x33, 0x7F, 0x30, 0x78, 0x00],
    5: [0x3F, 0x03, 0x1F, 0x30, 0x30, 0x33, 0x1E, 0x00],
    6: [0x1C, 0x06, 0x03, 0x1F, 0x33, 0x33, 0x1E, 0x00],
    7: [0x3F, 0x33, 0x30, 0x18, 0x0C, 0x0C, 0x0C, 0x00],
    8: [0x1E, 0x33, 0x33, 0x1E, 0x33, 0x33, 0x1E, 0x00],
    9: [0x1E, 0x33, 0x33, 0x3E, 0x30, 0x18, 0x0E, 0x00],
    ':': [0x00, 0x0C, 0x0C, 0x00, 0x00, 0x0C, 0x0C, 0x00],
    '.': [0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C, 0x00],
  };
  // Where the picture has it: see Canvas::draw.
  const band = Math.ceil(height / 4 / GLYPH) * GLYPH;
  const scale = Math.max(1, Math.min(Math.floor(width / (LETTERS * GLYPH + 2)), Math.floor(band / (GLYPH + 2))));
  const letters = Math.min(LETTERS, Math.floor((width - 2 * scale) / (GLYPH * scale)));
  if (letters < LETTERS) throw new Error(`${width} x ${height} is too small for a time of day`);
  const area = [scale, height - band + scale, LETTERS * GLYPH * scale, GLYPH * scale];
  const small = new OffscreenCanvas(LETTERS * GLYPH, GLYPH).getContext('2d', { willReadFrequently: true });

  const letter = (data, column, kinds) => {
    let best = { wrong: Infinity };
    for (const kind of kinds) {
      let wrong = 0;
      for (let row = 0; row < GLYPH; row += 1) {
        for (let bit = 0; bit < GLYPH; bit += 1) {
          const white = data[4 * (row * LETTERS * GLYPH + column * GLYPH + bit) + 1] > 127;
          if (white !== (glyphs[kind][row] >> bit & 1) > 0) wrong += 1;
        }
      }
      if (wrong < best.wrong) best = { wrong, kind };
    }
    return best.wrong > WRONG_MAX ? null : best.kind;
  };

  return () => {
    const [across, down] = [video.videoWidth / width, video.videoHeight / height];
    small.drawImage(video, area[0] * across, area[1] * down, area[2] * across, area[3] * down, 0, 0, LETTERS * GLYPH, GLYPH);
    const { data } = small.getImageData(0, 0, LETTERS * GLYPH, GLYPH);
    const read = [...'00:00:00.000'].map((shape, column) => letter(data, column, shape === '0' ? '0123456789' : shape));
    if (read.includes(null)) return null;
    const [, hours, minutes, seconds, milliseconds] = read.join('').match(/(..):(..):(..)\.(...)/).map(Number);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
  };
};

// Gathers how old each picture is when it is displayed, in milliseconds.
window.glass = (video, width, height) => {
  const read = window.timeCode(video, width, height);
  // The time may be that of any zone.
  const ZONE = 30 * 60_000;
  const seen = { ages: [], unread: 0 };
  const look = (now, { expectedDisplayTime }) => {
    const drawn = read();
    const displayed = performance.timeOrigin + Math.max(now, expectedDisplayTime);
    if (drawn === null) seen.unread += 1;
    else seen.ages.push((((displayed - drawn) % ZONE) + ZONE) % ZONE);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  return seen;
};
