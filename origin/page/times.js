// Times of day and lengths of time as they are read.

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' });

const sameDay = (one, other) => new Date(one).toDateString() === new Date(other).toDateString();

// 14:03:20, with the day where that is not the one of `now`. Milliseconds since 1970, as everywhere.
export function timeOf(at, now) {
  return sameDay(at, now) ? time.format(at) : `${day.format(at)}, ${time.format(at)}`;
}

// 14:03 or, at midnight, the day.
export function tickOf(at) {
  const date = new Date(at);
  return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(at) : minute.format(at);
}

export function rangeOf(from, to) {
  const end = sameDay(from, to) ? minute.format(to) : `${day.format(to)}, ${minute.format(to)}`;
  return `${day.format(from)}, ${minute.format(from)} to ${end}`;
}

// 12 s, 5 min, 2 h 10 min.
export function lengthOf(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h` + (minutes % 60 ? ` ${minutes % 60} min` : '');
}

export function bytesOf(bytes) {
  const [unit, of] = bytes < 1e6 ? ['kB', 1e3] : bytes < 1e9 ? ['MB', 1e6] : ['GB', 1e9];
  return `${(bytes / of).toFixed(bytes / of < 10 ? 1 : 0)} ${unit}`;
}
