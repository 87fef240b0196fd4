// The process itself: what it is, since when, and what it takes of the machine.

import { byId, element, keyed, mark, say } from './elements.mjs';
import { bytes, count, duration } from './words.mjs';

export function showProcess({ model, history }, now) {
  const { process, now: taken } = model;
  const busy = history.rateNow((it) => it.cpu);
  const facts = [
    { name: 'state', text: process.phase === 'serving' && !process.ready ? 'full' : process.phase },
    { name: 'generation', text: count(process.generation) },
    { name: 'up', text: duration(now - process.since) },
    { name: 'CPU', text: busy === undefined ? '–' : `${(busy * 100).toFixed(busy < 0.0995 ? 1 : 0)} %` },
    { name: 'memory', text: taken.resident_bytes === null ? '–' : bytes(taken.resident_bytes) },
    { name: 'descriptors', text: taken.descriptors === null ? '–' : count(taken.descriptors) },
    { name: 'sessions', text: count(taken.sessions) },
    { name: 'process', text: String(process.pid) },
    { name: 'version', text: process.version },
  ];
  keyed(byId('process'), facts, (it) => it.name, make, (item, { text }) => say(item.value, text));

  const alarm = byId('alarm');
  const lines = alarms(model);
  alarm.hidden = lines.length === 0;
  say(alarm, lines.join(' '));
  mark(document.body, 'data-phase', process.phase.replaceAll(' ', '-'));
}

/** What somebody should know who looks at nothing else. */
function alarms({ process, reloads, upstreams, now }) {
  const lines = [];
  if (process.phase !== 'serving') lines.push(`The process is ${process.phase}.`);
  else if (!process.ready) lines.push('Every place is taken: newcomers are refused.');
  if (reloads.last.at(-1)?.result === 'refused') lines.push('The last reload was refused: the configuration before it is served still.');
  for (const { name, endpoints } of upstreams) {
    if (endpoints.length > 0 && endpoints.every(({ state }) => state !== 'eligible')) lines.push(`No endpoint of upstream ${name} takes newcomers.`);
  }
  if (now.tunnels_of_what_is_gone > 0) lines.push(`${count(now.tunnels_of_what_is_gone)} tunnels belong to what the configuration has no more.`);
  return lines;
}

function make({ name }) {
  const value = element('dd');
  return Object.assign(element('div', {}, element('dt', { text: name }), value), { value });
}
