// Numbers, sizes and times as people read them. Nothing here touches the page.

const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 12,345 */
export function count(number) {
  return GROUPED.format(number);
}

/** A rate: 0, 0.4, 12.3, 1,234, 56.7 k, 1.2 M. */
export function rate(number) {
  if (number > 0 && number < 0.05) return '<0.1';
  if (number < 99.95) return trimmed(number, 1);
  if (number < 9_999.5) return count(number);
  if (number < 999_950) return `${trimmed(number / 1e3, 1)} k`;
  return `${trimmed(number / 1e6, 1)} M`;
}

/** Bytes by powers of 1024, as the configuration writes them: 512 B, 1.5 KiB. */
export function bytes(number) {
  let [size, unit] = [number, 0];
  while (size >= 1023.95 && unit < BYTE_UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 ? count(size) : size < 99.95 ? trimmed(size, 1) : count(size)} ${BYTE_UNITS[unit]}`;
}

/** How long something lasts or lasted, in the two largest units: 45 s, 12 min, 3 h 20 min, 5 d 2 h. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return joined(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return joined(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  if (whole < 100 * 86_400) return joined(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h');
  return `${count(whole / 86_400)} d`;
}

/** The same where there is little room, in one unit: 45 s, 12 min, 3.3 h, 5.1 d. */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  const [size, unit] = whole < 86_400 ? [whole / 3600, 'h'] : [whole / 86_400, 'd'];
  return `${trimmed(Math.floor(size * 10) / 10, size < 100 ? 1 : 0)} ${unit}`;
}

/** What is left, to the second: 4:05, 1:02:03. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A short time: 0.8 ms, 12 ms, 1.25 s. */
export function latency(seconds) {
  if (seconds < 0.00995) return `${trimmed(seconds * 1e3, 1)} ms`;
  if (seconds < 0.9995) return `${count(seconds * 1e3)} ms`;
  return `${trimmed(seconds, seconds < 10 ? 2 : 1)} s`;
}

/** When it was, by the clock on the wall: 14:05:09, with the day where it was not today. */
export function clock(unixSeconds, nowSeconds) {
  const [then, now] = [new Date(unixSeconds * 1e3), new Date(nowSeconds * 1e3)];
  const time = then.toLocaleTimeString('en-GB');
  if (then.toDateString() === now.toDateString()) return time;
  return `${then.toLocaleDateString('en-CA')} ${time.slice(0, 5)}`;
}

/** 1 tunnel, 2 tunnels. */
export function many(number, one, several = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : several}`;
}

/** What a code of a Close means, where the RFC or its registry says so. */
export function codeName(code) {
  return CODE_NAMES[code] ?? '';
}

/** A word of a label as a sentence has it: drained_stop → drained, stop. */
export function spaced(word) {
  return word.replaceAll('_', ' ');
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

const CODE_NAMES = {
  1000: 'normal',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no code',
  1007: 'invalid text',
  1008: 'policy violation',
  1009: 'too big',
  1010: 'extension missing',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
  '3xxx': 'of a library',
  '4xxx': 'of the application',
};

function trimmed(number, digits) {
  const text = number.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function joined(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
