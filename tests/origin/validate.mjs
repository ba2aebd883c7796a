// Validates what an origin serves: playlists by hls-parser in strict mode, segments by mp4box.js, and that they agree
// with each other. A line of JSON says what was checked.
//
//     node validate.mjs URL

import HLS from 'hls-parser';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { json, run, session, usage } from './chromium.mjs';

const [url] = process.argv.slice(2);
if (!url) usage('node validate.mjs URL');

// Seconds that a playlist may differ from what is in its segments: half of what a playlist's six digits and a clock of
// 90 kHz can both say, and a frame of AAC, which begins where it begins.
const EXACT = 0.002;
const SOUND_FRAME = 0.025;
// Segments of each playlist whose content is looked at: the newest.
const SEGMENTS = 5;
// Seconds of what is stored that are validated.
const STORED = 60;

HLS.setOptions({ strictMode: true });
const checked = { playlists: 0, segments: 0, parts: 0, bytes: 0, frames: 0 };

function must(holds, what) {
  if (!holds) throw new Error(what);
}

async function get(address) {
  const answer = await fetch(address);
  must(answer.ok, `${address} is answered with ${answer.status}`);
  return answer;
}

async function playlist(address) {
  const answer = await get(address);
  const kind = answer.headers.get('content-type')?.split(';')[0];
  must(['application/vnd.apple.mpegurl', 'audio/mpegurl'].includes(kind), `${address} has the type ${kind}`);
  const text = await answer.text();
  checked.playlists += 1;
  try {
    return HLS.parse(text);
  } catch (error) {
    throw new Error(`${address}: ${error.message}`);
  }
}

const bytes = new Map();
async function media(address) {
  if (!bytes.has(address)) {
    const answer = await get(address);
    must(/^(video|audio)\/(mp4|iso\.segment)$/.test(answer.headers.get('content-type')?.split(';')[0]), `${address} has the type ${answer.headers.get('content-type')}`);
    bytes.set(address, new Uint8Array(await answer.arrayBuffer()));
    checked.bytes += bytes.get(address).length;
  }
  return bytes.get(address);
}

const joined = (all) => Uint8Array.from(Buffer.concat(all));

// The only track of an init and a segment, and its samples.
function parse(address, init, segment) {
  const file = createFile();
  const found = {};
  file.onError = (_, message) => { throw new Error(`${address}: ${message ?? _}`); };
  file.onReady = (info) => { found.info = info; };
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(joined([init, segment]).buffer, 0), true);
  file.flush();
  must(found.info, `${address}: mp4box.js finds no moov`);
  must(found.info.tracks.length === 1, `${address} has ${found.info.tracks.length} tracks`);
  const [track] = found.info.tracks;
  const samples = file.getTrackSamplesInfo(track.id);
  must(samples.length > 0, `${address} has no samples`);
  for (const box of file.boxes) must(['ftyp', 'styp', 'moov', 'moof', 'mdat', 'prft', 'emsg', 'sidx'].includes(box.type), `${address} has a box ${box.type}`);
  return { track, samples, scale: track.timescale };
}

function checkSamples(address, { samples, scale, track }, { begin, duration, tolerance }) {
  const first = samples[0];
  must(samples.every(({ cts, dts }) => cts === dts), `${address}: pictures are in another order than they are shown in`);
  for (let number = 1; number < samples.length; number += 1) {
    const before = samples[number - 1];
    must(samples[number].dts >= before.dts + before.duration, `${address}: sample ${number} begins before the one before it ends`);
  }
  must(track.type !== 'video' && !track.video || first.is_sync, `${address} begins with a picture that needs another one`);
  if (begin !== null) must(Math.abs(first.dts / scale - begin) <= tolerance, `${address} begins at ${first.dts / scale}, its PROGRAM-DATE-TIME is ${begin}`);
  const last = samples.at(-1);
  const length = (last.dts + last.duration - first.dts) / scale;
  must(Math.abs(length - duration) <= tolerance, `${address} takes ${length} s, its EXTINF is ${duration}`);
  checked.frames += samples.length;
}

// The content of a media playlist; gives the first sample's time of each segment, by its name.
async function checkSegments(address, list, { sound }) {
  const tolerance = sound ? SOUND_FRAME : EXACT;
  const begins = new Map();
  let map = null;
  let end = null;
  const complete = list.segments.map((segment) => { map = segment.map ?? map; return { ...segment, map }; }).filter(({ uri, gap }) => uri && !gap);
  for (const { uri, map, duration, programDateTime, parts, discontinuity, mediaSequenceNumber } of complete.slice(-SEGMENTS)) {
    const where = new URL(uri, address).href;
    must(map?.uri, `${where} has no EXT-X-MAP`);
    const init = await media(new URL(map.uri, address).href);
    const segment = await media(where);
    const parsed = parse(where, init, segment);
    checkSamples(where, parsed, { begin: programDateTime ? programDateTime.getTime() / 1000 : null, duration, tolerance });
    const begin = parsed.samples[0].dts / parsed.scale;
    if (end !== null && !discontinuity) must(Math.abs(begin - end) <= tolerance, `${where} begins ${begin - end} s after the one before it`);
    const last = parsed.samples.at(-1);
    end = (last.dts + last.duration) / parsed.scale;
    begins.set(uri.split('/').at(-1).split('?')[0], begin);
    const number = Number(uri.match(/(\d+)\.mp4/)?.[1]);
    if (!list.endlist) must(number === mediaSequenceNumber, `${where} is number ${mediaSequenceNumber} of its playlist`);
    checked.segments += 1;
    await checkParts(address, where, { init, segment, duration, tolerance: 2 * tolerance }, parts ?? []);
  }
  return begins;
}

// All parts of a segment are the segment.
async function checkParts(address, where, { init, segment, duration, tolerance }, parts) {
  const there = parts.filter(({ hint, gap }) => !hint && !gap);
  if (there.length === 0) return;
  const all = [];
  for (const { uri, duration, independent } of there) {
    const part = new URL(uri, address).href;
    const content = await media(part);
    const { samples, scale, track } = parse(part, init, content);
    const last = samples.at(-1);
    const length = (last.dts + last.duration - samples[0].dts) / scale;
    must(Math.abs(length - duration) <= tolerance, `${part} takes ${length} s, its DURATION is ${duration}`);
    if (track.video && independent) must(samples[0].is_sync, `${part} is not independent`);
    all.push(content);
    checked.parts += 1;
  }
  must(Buffer.compare(Buffer.concat(all), Buffer.from(segment)) === 0, `${where} is not its parts, one after the other`);
  const sum = there.reduce((sum, { duration }) => sum + duration, 0);
  must(Math.abs(sum - duration) <= tolerance, `the parts of ${where} take ${sum} s, its EXTINF is ${duration}`);
}

function checkTimes(address, list) {
  for (const { duration, parts } of list.segments) {
    if (duration) must(Math.round(duration) <= list.targetDuration, `${address}: a segment of ${duration} s, TARGETDURATION is ${list.targetDuration}`);
    for (const part of parts ?? []) if (part.duration) must(part.duration <= list.partTargetDuration + 1e-4, `${address}: a part of ${part.duration} s, PART-TARGET is ${list.partTargetDuration}`);
  }
}

// A playlist that is asked for before it is there comes when it is there, with it.
async function checkBlocking(address, list) {
  const control = list.lowLatencyCompatibility;
  must(control?.canBlockReload, `${address} cannot be waited for (CAN-BLOCK-RELOAD)`);
  must(control.partHoldBack >= 2 * list.partTargetDuration, `${address}: PART-HOLD-BACK is ${control.partHoldBack}`);
  const last = list.segments.at(-1);
  const parts = (last.parts ?? []).filter(({ hint }) => !hint).length;
  const [msn, part] = last.uri ? [last.mediaSequenceNumber + 1, 0] : [last.mediaSequenceNumber, parts];
  const later = new URL(address);
  later.searchParams.set('_HLS_msn', msn);
  later.searchParams.set('_HLS_part', part);
  const next = await playlist(later.href);
  const found = next.segments.find(({ mediaSequenceNumber }) => mediaSequenceNumber === msn);
  const there = (found?.parts ?? []).filter(({ hint }) => !hint).length;
  must(found && (found.uri || there > part), `${later.href} comes without part ${part} of ${msn}`);
}

async function checkMissing(base, track) {
  for (const name of ['1.mp4', '1.0.mp4', 'init-0000000000000000.mp4']) {
    const answer = await fetch(new URL(`${track}${name}`, base));
    must(answer.status === 404, `${answer.url} is answered with ${answer.status}`);
    must(/no-store/.test(answer.headers.get('cache-control') ?? ''), `${answer.url} may be cached: ${answer.headers.get('cache-control')}`);
  }
}

async function checkAll(base, path, live) {
  const address = new URL(path, base).href;
  const main = await playlist(address);
  must(main.isMasterPlaylist && main.variants.length > 0, `${address} has no variants`);
  const renditions = [...new Set(main.variants.flatMap(({ audio }) => audio).filter(({ uri }) => uri).map(({ uri }) => uri))];
  const tracks = [...main.variants.map(({ uri }) => ({ uri, sound: renditions.length === 0 && !main.variants[0].resolution })), ...renditions.map((uri) => ({ uri, sound: true }))];
  const begins = [];
  for (const { uri, sound } of tracks) {
    const where = new URL(uri, address).href;
    const list = await playlist(where);
    checkTimes(where, list);
    must(list.segments.length > 0, `${where} has no segments`);
    if (live) await checkBlocking(where, list);
    else must(list.endlist, `${where} has no EXT-X-ENDLIST`);
    const found = await checkSegments(where, list, { sound });
    if (!sound) begins.push([where, found]);
    if (live) await checkMissing(base, uri.replace(/[^/]*$/, ''));
  }
  // Who changes the tier goes on with the same picture.
  for (const [where, found] of begins.slice(1)) {
    for (const [name, begin] of found) {
      const first = begins[0][1].get(name);
      if (first !== undefined) must(Math.abs(begin - first) < EXACT, `${where}: ${name} begins ${begin - first} s after that of ${begins[0][0]}`);
    }
  }
  return tracks.map(({ uri }) => uri.split('?')[0]);
}

await run(async () => {
  const { base, stored } = await session(url);
  const tracks = await checkAll(base, 'live.m3u8', true);
  const said = { url: base, tracks, live: { ...checked } };
  if (stored) {
    const now = Date.now();
    const query = (from, to) => new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    const { hours } = await json(new URL(`hours.json?${query(now - 1000 * STORED, now)}`, base));
    const spans = hours.flatMap(({ spans }) => spans).filter(([, to]) => to > now - 1000 * STORED);
    must(spans.length > 0, 'nothing of the last minute is stored');
    const before = { ...checked };
    await checkAll(base, `vod.m3u8?${query(Math.max(spans[0][0], now - 1000 * STORED), spans.at(-1)[1])}`, false);
    said.stored = Object.fromEntries(Object.entries(checked).map(([name, count]) => [name, count - before[name]]));
  }
  console.log(JSON.stringify(said));
});
