// Who is how late: lines of glass.mjs, each behind the name of its server and a tab, as a table. The first server is the
// one that is compared with the others.
//
//     node compare.mjs <LINES

import { readFileSync } from 'node:fs';

const lines = readFileSync(0, 'utf8').trim().split('\n').filter((line) => line.includes('\t'));
const rows = lines.map((line) => {
  const [server, json] = line.split('\t');
  return { server, ...JSON.parse(json) };
});
const seconds = (milliseconds) => (milliseconds / 1000).toFixed(2);
console.log('| server | player | p50, s | p95, s | stalls | streamsocket-origin by the same player, of it |');
console.log('|:-|:-|-:|-:|-:|-:|');
for (const { server, player, p50, p95, stalls } of rows) {
  const ours = rows.find((row) => row.server === rows[0].server && row.player === player);
  console.log(`| ${server} | ${player} | ${seconds(p50)} | ${seconds(p95)} | ${stalls} | ${ours ? (ours.p50 / p50).toFixed(2) : '-'} |`);
}
