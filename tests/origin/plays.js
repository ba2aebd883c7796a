// In the page: plays an address with Shaka Player, as the page of the origin does, or with hls.js, for low latency.
//
// play(kind, url) resolves to { date }: milliseconds since 1970 when what is at this time of the video was captured, by
// PROGRAM-DATE-TIME.
window.play = async (kind, url) => {
  const video = document.getElementById('video');
  if (kind === 'shaka') {
    // As the page plays it.
    const [{ Player }, { ServerClock }] = await Promise.all(['player.js', 'clock.js'].map((name) => import(new URL(`../${name}`, location.href).href)));
    const failed = (why, error) => { window.failure = `shaka: ${why} ${error.code ?? error.message}`; };
    const player = new Player(video, new URL('.', url).href, new ServerClock(), { failed, ended() {}, changed() {}, loaded() {} });
    player.live();
    return { date: () => player.captured(video.currentTime) };
  }
  const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.1, liveSyncOnStallIncrease: 0.2 });
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => { if (fatal) window.failure = `hls.js error ${details}`; });
  hls.attachMedia(video);
  hls.loadSource(url);
  hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  return { date: () => hls.playingDate?.getTime() ?? null };
};

// The same with what neither player knows anything about, as it comes.
window.playForeign = async (kind, url) => {
  const video = document.getElementById('video');
  if (kind === 'shaka') {
    window.shaka.polyfill.installAll();
    const player = new window.shaka.Player();
    player.addEventListener('error', ({ detail }) => { if (detail.severity === 2) window.failure = `shaka: error ${detail.code}`; });
    await player.attach(video);
    await player.load(url);
    video.play();
    return { date: () => player.getPlayheadTimeAsDate()?.getTime() ?? null };
  }
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => { if (fatal) window.failure = `hls.js error ${details}`; });
  hls.attachMedia(video);
  hls.loadSource(url);
  hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  return { date: () => hls.playingDate?.getTime() ?? null };
};

// Watches how the video goes on from its first picture: stalls, and what `date` says.
window.watch = () => {
  const video = document.getElementById('video');
  const seen = { begun: performance.now(), first: null, stalls: 0, stalled: 0, longest: 0, latencies: [] };
  const look = (now, { mediaTime }) => {
    seen.first ??= now - seen.begun;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  let [before, still, at] = [null, 0, performance.now()];
  setInterval(() => {
    const now = performance.now();
    if (seen.first !== null) {
      const stands = video.currentTime === before;
      still = stands ? still + now - at : 0;
      // Milliseconds for which a clock may stand still without anybody's seeing it.
      if (still > 100) {
        if (still - (now - at) <= 100) seen.stalls += 1;
        seen.stalled += now - at;
        seen.longest = Math.max(seen.longest, still);
      }
      const date = window.playing?.date();
      if (date) seen.latencies.push(performance.timeOrigin + now - date);
    }
    [before, at] = [video.currentTime, now];
  }, 50);
  return seen;
};
