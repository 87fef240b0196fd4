// Which certificate ends when, the next one first; and how it stands with those that are ordered.

import { byId, element, keyed, mark, say, table } from './elements.mjs';
import { clock, count, duration, many } from './words.mjs';

const DAY = 86_400;
/** Below this a renewal is overdue, in days. */
const SOON = 14;
/** Below this it is an emergency, in days. */
const LATE = 3;

const columns = [{ name: 'Name' }, { name: 'For' }, { name: 'Left', kind: 'number-column' }];
const rows = table('Certificates by when they end', columns, 'certificates');
byId('certificate-list').append(rows.root);

export function showCertificates({ listener_certificates: own, certificates: ordered }, now) {
  const served = own.map(({ listener, name, ends }) => ({ name, ends, place: listener, key: `listener/${listener}/${name}` }));
  const named = ordered.map((order) => ({ ...order, place: 'ordered', key: `ordered/${order.name}` }));
  const all = [...served, ...named].sort((a, b) => (a.ends ?? 0) - (b.ends ?? 0));
  byId('certificates').hidden = all.length === 0;
  keyed(rows.body, all, (it) => it.key, make, (row, certificate) => show(row, certificate, now));
}

function make({ name, place }) {
  const parts = { note: element('span', { class: 'note' }), left: element('td', { class: 'number-column' }) };
  const title = element('span', { class: 'name', text: name, title: name });
  return Object.assign(element('tr', {}, element('th', { scope: 'row' }, title, parts.note), element('td', { text: place }), parts.left), { parts });
}

function show(row, { ends, order_in_seconds: orderIn, failures = 0, problem }, now) {
  const left = ends === null ? undefined : ends - now;
  mark(row, 'data-ends', left === undefined || left < LATE * DAY ? 'late' : left < SOON * DAY ? 'soon' : undefined);
  say(row.parts.left, leftText(left));
  mark(row.parts.left, 'title', ends ? `until ${clock(ends, now)}` : undefined);
  const order = orderIn === undefined || orderIn === null ? '' : `is ordered ${orderIn > 0 ? `in ${duration(orderIn)}` : 'now'}`;
  say(row.parts.note, problem ? `${problem} (${many(failures, 'failure')})` : order);
}

function leftText(left) {
  if (left === undefined) return '✕ none';
  if (left <= 0) return '✕ over';
  if (left < SOON * DAY) return `! ${duration(left)}`;
  return `${count(left / DAY)} days`;
}
