// Requests and connections that were answered by windlass itself, or turned away, by reason.

import { byId, element, keyed, say, table } from './elements.mjs';
import { count, spaced } from './words.mjs';

const columns = [{ name: 'Reason' }, { name: '15 min', kind: 'number-column' }, { name: 'In all', kind: 'number-column' }];
const rows = table('Refusals by reason', columns);
const nothing = element('p', { class: 'soft nothing', text: 'Nobody yet.' });
byId('refusals').append(nothing, rows.root);

export function showRefusals({ model, history }) {
  const recent = new Map();
  for (const { sums } of history.bins(60, (point) => point.refusals)) {
    for (const [word, number] of sums) recent.set(word, (recent.get(word) ?? 0) + number);
  }
  const ever = model.refusals
    .filter(({ count: number }) => number > 0)
    .map((it) => ({ ...it, recent: recent.get(it.word) ?? 0 }))
    .sort((a, b) => b.recent - a.recent || b.count - a.count);
  nothing.hidden = ever.length > 0;
  rows.root.hidden = ever.length === 0;
  keyed(rows.body, ever, (it) => it.word, makeRow, (row, refusal) => {
    say(row.recent, count(refusal.recent));
    say(row.all, count(refusal.count));
  });
}

function makeRow({ word }) {
  const [recent, all] = [element('td', { class: 'number-column' }), element('td', { class: 'number-column soft' })];
  return Object.assign(element('tr', {}, element('th', { scope: 'row', text: spaced(word) }), recent, all), { recent, all });
}
