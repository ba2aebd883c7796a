// How fast the network is, for the choice of a tier. What is live is asked for before it is there, so that only the time
// from the first byte to the last says something of the network; Shaka Player counts the waiting too.

// Milliseconds that the last byte comes after the first at least, as far as a browser's clock tells.
const SHORTEST = 5;
// Milliseconds for which an answer counts at least, about those that are in it: otherwise what is fast says little.
const COUNTS = 200;
// Answers that are measured.
const SEGMENT = /\/\d+(\.\d+)?\.mp4(\?|$)/;

// Until it is released, an AbrManager that is told what the browser measures of the segments of the session at this address.
export function abrManager(base) {
  const manager = new globalThis.shaka.abr.SimpleAbrManager();
  const observer = globalThis.PerformanceObserver;
  if (!observer?.supportedEntryTypes?.includes('resource')) return manager;
  const tell = manager.segmentDownloaded.bind(manager);
  manager.segmentDownloaded = () => {};
  const watching = new observer((entries) => {
    for (const { name, responseStart, responseEnd, encodedBodySize, transferSize } of entries.getEntries()) {
      // What comes from the cache has a size, but was not transferred.
      if (!name.startsWith(base) || !SEGMENT.test(name) || transferSize === 0 || responseStart === 0) continue;
      const took = Math.max(responseEnd - responseStart, SHORTEST);
      const weight = Math.max(COUNTS / took, 1);
      tell(took * weight, encodedBodySize * weight, true);
    }
  });
  watching.observe({ type: 'resource' });
  const release = manager.release.bind(manager);
  manager.release = () => {
    watching.disconnect();
    release();
  };
  return manager;
}
