// Which endpoint has how many tunnels, and what speaks against it.

import { byId, element, keyed, mark, say, table, tune } from './elements.mjs';
import { count, duration, many, spaced } from './words.mjs';

/** A sign for each state, so that none is told by its colour alone. */
const SIGNS = { eligible: '●', drained: '◐', leaving: '→', down: '✕', ejected: '▲' };

/** Shows the upstreams; `steer` has `drain` and `undrain` where this listener may steer. */
export function showEndpoints(model, now, steer) {
  const most = Math.max(1, ...model.upstreams.flatMap((it) => it.endpoints).map((it) => it.tunnels));
  keyed(byId('upstreams'), model.upstreams, (it) => it.name, makeUpstream, (group, upstream) => {
    const { endpoints, source } = upstream;
    say(group.summary, `${many(endpoints.length, 'endpoint')}, ${many(sum(endpoints), 'tunnel')}`);
    mark(group.querySelector('table'), 'data-steers', Boolean(steer));
    say(group.source, source ? sourceText(source) : '');
    mark(group.source, 'data-problem', Boolean(source?.problem));
    keyed(group.body, endpoints, (it) => it.name, (it) => makeEndpoint(upstream.name, it), (row, endpoint) =>
      showEndpoint(row, endpoint, { now, most, steer }));
  });
}

function sum(endpoints) {
  return endpoints.reduce((all, { tunnels }) => all + tunnels, 0);
}

function sourceText({ source, age_seconds, problem }) {
  if (problem) return `${source}: ${problem}`;
  return age_seconds === null ? `${source}, has named none yet` : `named by ${source} ${duration(age_seconds)} ago`;
}

function makeUpstream({ name }) {
  const columns = [
    { name: 'Endpoint' },
    { name: 'State' },
    { name: 'Tunnels', kind: 'bar-column' },
    { name: 'Action', kind: 'action-column', isHidden: true },
  ];
  const { root, body } = table(`Endpoints of upstream ${name}`, columns, 'endpoints');
  const [summary, source] = [element('span', { class: 'soft' }), element('p', { class: 'source soft' })];
  const heading = element('div', { class: 'heading' }, element('h3', { text: name }), summary);
  return Object.assign(element('div', { class: 'upstream' }, heading, source, root), { summary, source, body });
}

function makeEndpoint(upstream, { name }) {
  const parts = {
    name: element('span', { class: 'name', text: name, title: name }),
    address: element('span', { class: 'address soft' }),
    state: element('span', { class: 'state' }),
    causes: element('span', { class: 'causes soft' }),
    bar: element('span', { class: 'bar', 'aria-hidden': 'true' }, element('i'), element('i', { class: 'of-predecessors' })),
    number: element('span', { class: 'number' }),
    predecessors: element('span', { class: 'soft small' }),
    action: element('button', { type: 'button', class: 'quiet' }),
  };
  const row = element('tr', {},
    element('th', { scope: 'row' }, parts.name, parts.address),
    element('td', { class: 'state-cell' }, parts.state, parts.causes),
    element('td', { class: 'bar-column' }, element('span', { class: 'amount' }, parts.bar, parts.number), parts.predecessors),
    element('td', { class: 'action-column' }, parts.action));
  parts.action.addEventListener('click', () => row.act?.());
  return Object.assign(row, { parts, upstream });
}

function showEndpoint(row, endpoint, { now, most, steer }) {
  const { parts, upstream } = row;
  const { name, address, tunnels, tunnels_of_predecessors: elsewhere = 0, state, causes } = endpoint;
  say(parts.address, address === name ? '' : address);
  mark(parts.address, 'title', address);
  mark(row, 'data-state', state);
  say(parts.state, `${SIGNS[state] ?? '○'} ${state}`);
  say(parts.causes, causes.map((it) => causeText(it, state, now)).join('; '));
  say(parts.number, count(tunnels));
  tune(parts.bar, '--here', (tunnels - elsewhere) / most);
  tune(parts.bar, '--elsewhere', elsewhere / most);
  say(parts.predecessors, elsewhere > 0 ? `${count(elsewhere)} in predecessors` : '');
  parts.action.hidden = !steer;
  if (!steer) return;
  const verb = endpoint.draining ? 'Undrain' : 'Drain';
  say(parts.action, verb);
  mark(parts.action, 'aria-label', `${verb} ${upstream}/${name}`);
  row.act = () => (endpoint.draining ? steer.undrain : steer.drain)(`${upstream}/${name}`, tunnels);
}

/** The state's own cause needs no word of its own. */
function causeText({ cause, since, why }, state, now) {
  const age = `for ${duration(now - since)}`;
  return [cause === state ? age : `${spaced(cause)} ${age}`, why].filter(Boolean).join(', ');
}
