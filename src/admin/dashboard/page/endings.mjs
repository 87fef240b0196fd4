// Why tunnels ended: small stacked bars over the last quarter of an hour, and each ending with its code as a row.

import { byId, element, keyed, mark, say, table, tune } from './elements.mjs';
import { SPAN } from './history.mjs';
import { endingKey } from './model.mjs';
import { clock, codeName, count, spaced } from './words.mjs';

/** How long a bar stands for, in seconds. */
const BIN = 30;

/** What ends belong together, in the order of the stack: the calm ones below. Each has a pattern of its own. */
const KINDS = [
  { kind: 'closed', name: 'closed by a peer' },
  { kind: 'drained', name: 'drained' },
  { kind: 'limit', name: 'a limit, or permission over' },
  { kind: 'lost', name: 'lost without a Close' },
  { kind: 'violation', name: 'a violation' },
];

const KIND_OF = {
  closed: 'closed',
  idle_timeout: 'limit',
  max_lifetime: 'limit',
  expired: 'limit',
  revoked: 'limit',
  recheck_refused: 'limit',
  recheck_unconfirmed: 'limit',
  gone: 'lost',
  broken: 'lost',
  pong_within: 'lost',
  stall_timeout: 'lost',
  violation: 'violation',
};

const chart = element('div', { class: 'stacks', role: 'img' });
const peak = element('span');
const foot = element('p', { class: 'foot' }, element('span', { text: '15 min ago' }), peak);
const legend = element('ul', { class: 'legend', 'aria-label': 'Patterns of the bars' });
const shownChart = element('div', { class: 'chart' }, chart, foot, legend);
const columns = [
  { name: 'Ending' },
  { name: 'By' },
  { name: 'Code' },
  { name: '15 min', kind: 'number-column' },
  { name: 'In all', kind: 'number-column' },
];
const rows = table('Endings by cause and code', columns, 'endings');
const nothing = element('p', { class: 'soft nothing' });
const back = element('p', { class: 'soft small back' });
byId('endings').append(nothing, shownChart, rows.root, back);

export function showEndings({ model, history }) {
  const bins = history.bins(BIN, (point) => point.endings).map(({ time, sums }) => ({ time, byKind: byKind(sums), sums }));
  const recent = new Map();
  for (const { sums } of bins) for (const [key, number] of sums) recent.set(key, (recent.get(key) ?? 0) + number);

  const ever = model.endings.filter(({ count: number }) => number > 0);
  rows.root.hidden = ever.length === 0;
  shownChart.hidden = recent.size === 0;
  nothing.hidden = recent.size > 0;
  say(nothing, ever.length === 0 ? 'None has ended yet.' : 'None has ended while this page was open.');
  if (recent.size > 0) showChart(bins, history.last.time);

  say(back, reconnectionText(model.reconnections));

  const sorted = ever
    .map((it) => ({ ...it, recent: recent.get(endingKey(it)) ?? 0 }))
    .sort((a, b) => b.recent - a.recent || b.count - a.count);
  keyed(rows.body, sorted, endingKey, makeRow, (row, ending) => {
    say(row.recent, count(ending.recent));
    say(row.all, count(ending.count));
  });
}

/** How many clients were there again within a minute, by how their tunnel had ended. */
function reconnectionText(reconnections) {
  if (reconnections.length === 0) return '';
  const sorted = reconnections.toSorted((a, b) => b.count - a.count);
  const all = sorted.reduce((sum, { count: number }) => sum + number, 0);
  return `${count(all)} came back within a minute: ${sorted.map((it) => `${count(it.count)} after ${spaced(it.word)}`).join(', ')}.`;
}

function kindOf(outcome) {
  return outcome.startsWith('drained') ? 'drained' : (KIND_OF[outcome] ?? 'limit');
}

function byKind(sums) {
  const kinds = new Map();
  for (const [key, number] of sums) {
    const kind = kindOf(key.slice(0, key.indexOf('/')));
    kinds.set(kind, (kinds.get(kind) ?? 0) + number);
  }
  return kinds;
}

function showChart(bins, now) {
  const all = ({ byKind: kinds }) => [...kinds.values()].reduce((sum, number) => sum + number, 0);
  const most = Math.max(1, ...bins.map(all));
  const totals = KINDS.map(({ kind, name }) => {
    const number = bins.reduce((sum, bin) => sum + (bin.byKind.get(kind) ?? 0), 0);
    return { kind, name, number };
  });
  const present = totals.filter(({ number }) => number > 0);
  keyed(chart, bins, (bin) => bin.time, () => element('div', { class: 'stack' }), (stack, bin) => {
    const parts = KINDS.filter(({ kind }) => bin.byKind.has(kind)).map((it) => ({ ...it, number: bin.byKind.get(it.kind) }));
    const makePart = ({ kind }) => element('i', { class: `pattern ${kind}` });
    keyed(stack, parts.toReversed(), (it) => it.kind, makePart, (part, { number }) => tune(part, '--share', number / most));
    const said = parts.map(({ name, number }) => `${count(number)} ${name}`).join(', ');
    mark(stack, 'title', `${clock(bin.time, now)}: ${said || 'none'}`);
  });
  say(peak, `peak ${count(most)} in ${BIN} s`);
  const said = present.map(({ name, number }) => `${count(number)} ${name}`).join(', ');
  mark(chart, 'aria-label', `Tunnels that ended in the last ${SPAN / 60} minutes: ${said}`);
  keyed(legend, present, (it) => it.kind, makeEntry, (entry, { number }) => say(entry.number, count(number)));
}

function makeEntry({ kind, name }) {
  const number = element('span', { class: 'number' });
  const swatch = element('i', { class: `swatch pattern ${kind}`, 'aria-hidden': 'true' });
  return Object.assign(element('li', {}, swatch, `${name} `, number), { number });
}

function makeRow({ outcome, by, code }) {
  const [recent, all] = [element('td', { class: 'number-column' }), element('td', { class: 'number-column soft' })];
  const swatch = element('i', { class: `swatch pattern ${kindOf(outcome)}`, 'aria-hidden': 'true' });
  const name = codeName(code);
  const named = name ? [' ', element('span', { class: 'soft code-name', text: name })] : [];
  const row = element('tr', {},
    element('th', { scope: 'row', class: 'swatched' }, swatch, spaced(outcome)),
    element('td', { text: by }),
    element('td', {}, code === 'none' ? '–' : code, ...named),
    recent, all);
  return Object.assign(row, { recent, all });
}
