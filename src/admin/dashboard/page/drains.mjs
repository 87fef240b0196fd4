// The drains under way, with what is left of each and until when; and the last ones that are over.

import { byId, element, keyed, mark, say } from './elements.mjs';
import { count, countdown, many, spaced } from './words.mjs';

/** How many that are over are shown. */
const OVER = 3;

export function showDrains(model) {
  const all = [...model.drains.map((it) => ({ ...it, pid: undefined })), ...ofPredecessors(model)];
  const running = all.filter(({ state }) => state === 'running');
  const over = all.filter(({ state }) => state !== 'running').sort((a, b) => b.id - a.id).slice(0, OVER);
  byId('drains').hidden = running.length + over.length === 0;
  keyed(byId('drain-list'), [...running, ...over], (it) => `${it.pid ?? ''}/${it.id}`, make, (item, drain) => show(item, drain));
}

function ofPredecessors({ predecessors }) {
  return predecessors.flatMap(({ pid, drains }) => drains.map((it) => ({ ...it, pid })));
}

function make() {
  const parts = {
    scope: element('strong', { class: 'scope' }),
    cause: element('span', { class: 'soft' }),
    time: element('span', { class: 'time' }),
    progress: element('progress'),
    numbers: element('span', { class: 'numbers soft' }),
  };
  const line = element('div', { class: 'drain-line' }, element('span', { class: 'drain-name' }, parts.scope, ' ', parts.cause), parts.time);
  return Object.assign(element('li', {}, line, parts.progress, parts.numbers), { parts });
}

function show({ parts, dataset }, drain) {
  const { scope, cause, state, tunnels, left, told, closed, cut, ends_in_seconds: endsIn, pid } = drain;
  dataset.state = state;
  say(parts.scope, scope);
  mark(parts.scope, 'title', scope);
  say(parts.cause, [CAUSES[cause] ?? spaced(cause), pid ? `process ${pid}` : ''].filter(Boolean).join(', '));
  const isRunning = state === 'running';
  parts.progress.hidden = !isRunning;
  parts.progress.max = Math.max(1, tunnels);
  parts.progress.value = tunnels - left;
  mark(parts.progress, 'aria-label', `${scope}: ${count(tunnels - left)} of ${many(tunnels, 'tunnel')} have ended`);
  say(parts.time, isRunning ? `${countdown(endsIn)} left` : spaced(state));
  const cutText = cut > 0 ? [`${count(cut)} cut`] : [];
  const numbers = isRunning
    ? [`${count(left)} of ${many(tunnels, 'tunnel')} left`, `${count(told)} told`, `${count(closed)} closed`, ...cutText]
    : [`${many(tunnels, 'tunnel')}`, `${count(closed)} closed`, ...cutText];
  say(parts.numbers, numbers.join(' · '));
}

const CAUSES = {
  stop: 'the process stops',
  reload: 'after a reload',
  handoff: 'after a handoff',
  operator: 'by an operator',
  endpoint_down: 'the endpoint is down',
  discovery: 'its source says so',
};
