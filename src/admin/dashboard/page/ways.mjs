// Where clients come in, where they are sent, and which processes that handed over still hold some of them.

import { byId, element, keyed, say, table } from './elements.mjs';
import { count, countdown } from './words.mjs';

const listeners = table('Listeners', [{ name: 'Listener' }, { name: 'Address' }, { name: 'TLS' }]);
const routes = table('Routes', [{ name: 'Route' }, { name: 'Upstream' }, { name: 'Tunnels', kind: 'number-column' }]);
byId('ways').append(listeners.root, routes.root);

const predecessors = table('Processes that handed over', [
  { name: 'Process' },
  { name: 'Tunnels', kind: 'number-column' },
  { name: 'Cut in', kind: 'number-column' },
]);
byId('predecessor-list').append(predecessors.root);

export function showWays(model) {
  keyed(listeners.body, model.listeners, (it) => it.name, ({ name }) => row(name, '', ''), (shown, { address, tls }) => {
    say(shown.cells[1], address);
    say(shown.cells[2], tls ? 'yes' : 'no');
  });
  keyed(routes.body, model.routes, (it) => it.name, ({ name }) => row(name, '', 'number-column'), (shown, route) => {
    say(shown.cells[1], upstreamText(route));
    say(shown.cells[2], count(route.tunnels));
  });
}

export function showPredecessors(model) {
  byId('predecessors').hidden = model.predecessors.length === 0;
  const make = ({ pid }) => row(String(pid), 'number-column', 'number-column');
  keyed(predecessors.body, model.predecessors, (it) => it.pid, make, (shown, { tunnels, ends_in_seconds: endsIn, problem }) => {
    say(shown.cells[1], tunnels === null ? '–' : count(tunnels));
    say(shown.cells[2], problem ?? (endsIn === null ? '–' : countdown(endsIn)));
  });
}

/** A route that shares its clients says with which weight, and how many each has. */
function upstreamText({ upstream, split = [] }) {
  if (split.length === 0) return upstream || '–';
  return split.map((it) => `${it.upstream} (weight ${it.weight}, ${count(it.tunnels)})`).join(', ');
}

function row(name, secondKind, thirdKind) {
  return element('tr', {},
    element('th', { scope: 'row' }, element('span', { class: 'name', text: name, title: name })),
    element('td', { class: secondKind }), element('td', { class: thirdKind }));
}
