// What the process has said last. An event has the sections that are different from those before; one that is `whole` has all.
// Nothing here touches the page.

import { total } from './percentiles.mjs';

/** The model after an event; `undefined` where it continues something that was never heard. */
export function after(model, event) {
  if (event.whole) return event;
  return model && model.number + 1 === event.number ? { ...model, ...event, whole: true } : undefined;
}

/** The point of the history that a model stands for. */
export function pointOf(model) {
  const { at, process, now, traffic, endings, refusals, handshakes } = model;
  const phases = Object.fromEntries(handshakes.phases.map(({ name, counts }) => [name, counts]));
  return {
    time: at / 1e3,
    epoch: `${process.pid}/${process.since}`,
    tunnels: now.tunnels,
    opened: total(phases.total),
    ended: endings.reduce((sum, { count }) => sum + count, 0),
    messages: traffic.messages,
    bytes: traffic.bytes,
    cpu: now.cpu_seconds,
    endings: new Map(endings.map((it) => [endingKey(it), it.count])),
    refusals: new Map(refusals.map(({ word, count }) => [word, count])),
    phases,
  };
}

/** What endings are counted by. */
export function endingKey({ outcome, by, code }) {
  return `${outcome}/${by}/${code}`;
}

/** What of a change is worth telling to somebody who does not look, in sentences. */
export function news(before, now) {
  if (!before) return [];
  const told = [];
  if (before.process.pid !== now.process.pid) told.push(`Process ${now.process.pid} serves now.`);
  else if (before.process.phase !== now.process.phase) told.push(`The process is ${now.process.phase}.`);
  if (before.process.generation !== now.process.generation) told.push(`Generation ${now.process.generation} is served.`);
  const earlier = states(before);
  for (const [name, state] of states(now)) {
    if (earlier.has(name) && earlier.get(name) !== state) told.push(`${name} is ${state}.`);
  }
  const running = new Set(before.drains.filter(({ state }) => state === 'running').map(({ id }) => id));
  for (const { id, scope, state } of now.drains) {
    if (running.has(id) && state === 'complete') told.push(`The drain of ${scope} is complete.`);
  }
  return told;
}

function states({ upstreams }) {
  return new Map(upstreams.flatMap((upstream) => upstream.endpoints.map(({ name, state }) => [`${upstream.name}/${name}`, state])));
}
