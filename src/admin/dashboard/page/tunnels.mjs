// Some of the open tunnels, one by one: those that are first in an order that is chosen. Asked for less often than the rest, and
// only while the page is looked at.

import { askForJson } from './access.mjs';
import { byId, element, keyed, mark, say, table } from './elements.mjs';
import { age, bytes, count, latency, many, rate } from './words.mjs';

/** How many are shown. */
const SHOWN = 10;
/** Between two questions, in milliseconds. */
const EVERY = 4000;

const ORDERS = [
  { name: 'messages a second', query: 'sort=rate' },
  { name: 'bytes held back', query: 'sort=buffered' },
  { name: 'longest quiet', query: 'sort=idle' },
  { name: 'longest open', query: 'sort=age' },
  { name: 'last opened', query: 'sort=age&order=asc' },
];

const columns = [
  { name: 'Client' },
  { name: 'Endpoint' },
  { name: 'Messages', kind: 'number-column' },
  { name: 'Ping', kind: 'number-column' },
  { name: 'Open', kind: 'number-column' },
  { name: 'Quiet', kind: 'number-column' },
  { name: 'Action', kind: 'action-column', isHidden: true },
];
const rows = table('Tunnels', columns, 'tunnels');
const note = element('p', { class: 'soft small back' });
byId('tunnel-list').append(rows.root, note);

const choice = byId('tunnel-order');
choice.append(...ORDERS.map(({ name, query }) => element('option', { value: query, text: name })));
choice.addEventListener('change', () => look());

let steer;
let asked = 0;
let isAsking = false;

/** Asks again where it is time; `steering` has `close` where this listener may steer. */
export function showTunnels(steering) {
  steer = steering;
  if (document.hidden || isAsking || Date.now() - asked < EVERY) return;
  look();
}

async function look() {
  const query = choice.value;
  [asked, isAsking] = [Date.now(), true];
  try {
    const list = await askForJson(`/tunnels?${query}&limit=${SHOWN}`);
    if (query === choice.value) show(list);
  } catch (error) {
    say(note, `They cannot be listed: ${error.message}.`);
  } finally {
    isAsking = false;
  }
}

function show({ tunnels, open }) {
  byId('tunnels').hidden = false;
  rows.root.hidden = tunnels.length === 0;
  mark(rows.root, 'data-steers', Boolean(steer));
  say(note, open === 0 ? 'None is open.' : open > tunnels.length ? `${count(tunnels.length)} of ${many(open, 'tunnel')} of this process.` : '');
  keyed(rows.body, tunnels, (it) => it.id, make, update);
}

function make({ id, client, endpoint, upstream, path, host, route }) {
  const parts = {
    messages: element('span'),
    waiting: element('span', { class: 'soft small line-below' }),
    ping: element('td', { class: 'number-column' }),
    open: element('td', { class: 'number-column' }),
    quiet: element('td', { class: 'number-column' }),
    action: element('button', { type: 'button', class: 'quiet', text: 'Close', 'aria-label': `Close tunnel ${id} of ${client}` }),
  };
  parts.action.addEventListener('click', () => steer?.close(id, client));
  const row = element('tr', {},
    element('th', { scope: 'row' }, element('span', { class: 'name', text: client, title: `tunnel ${id}` }),
      element('span', { class: 'name soft small', text: path, title: `route ${route}: ${host}${path}` })),
    element('td', {}, element('span', { class: 'name', text: endpoint, title: `${upstream}/${endpoint}` }),
      element('span', { class: 'name soft small', text: upstream })),
    element('td', { class: 'number-column' }, parts.messages, parts.waiting),
    parts.ping, parts.open, parts.quiet,
    element('td', { class: 'action-column' }, parts.action));
  return Object.assign(row, { parts });
}

function update({ parts }, { rate: now, buffered_bytes: waiting, ping_ms: ping, age_seconds: open, idle_seconds: quiet, is_ending: isEnding }) {
  const held = waiting.from_client + waiting.from_upstream;
  say(parts.messages, now ? `${rate(now.messages_per_second)}/s` : '–');
  say(parts.waiting, [held > 0 ? `${bytes(held)} wait` : '', isEnding ? 'ending' : ''].filter(Boolean).join(', '));
  say(parts.ping, ping.client === null ? '–' : latency(ping.client / 1e3));
  say(parts.open, age(open));
  say(parts.quiet, age(quiet));
  parts.action.hidden = !steer;
}
