// The four figures at the top: open tunnels, messages, bytes, handshakes.

import { byId, element, say } from './elements.mjs';
import { between, percentile, total } from './percentiles.mjs';
import { Sparkline } from './sparkline.mjs';
import { bytes, count, latency, many, rate } from './words.mjs';

/** Over how long the latency of handshakes is taken, in seconds. */
const MINUTE = 60;

/** Words for phases that are none. */
const PHASES = { tls: 'TLS' };

const perSecond = (number) => `${rate(number)}/s`;
const bytesPerSecond = (number) => `${bytes(number)}/s`;

const tunnels = figure('Open tunnels', ['tunnels'], ['first']);
const messages = figure('Messages', ['to endpoints', 'to clients'], ['first', 'second']);
const data = figure('Bytes', ['to endpoints', 'to clients'], ['first', 'second']);
const handshakes = figure('Handshakes', ['99 of 100 within', 'half of them within'], ['first', 'second']);
byId('figures').append(tunnels.root, messages.root, data.root, handshakes.root);

export function showFigures({ model, history }) {
  const { traffic, process } = model;
  const { time } = history.last;

  say(tunnels.values[0], count(model.now.tunnels));
  const [opened, ended] = [history.rateNow((it) => it.opened), history.rateNow((it) => it.ended)];
  const moving = opened === undefined ? '' : `${perSecond(opened)} opened, ${perSecond(ended)} ended; `;
  say(tunnels.note, `${moving}room for ${count(process.most_tunnels)}`);
  tunnels.line.draw([history.values((it) => it.tunnels)], time, 'Open tunnels', count);

  showDirections(messages, history, 'messages', perSecond, time);
  showDirections(data, history, 'bytes', bytesPerSecond, time);
  say(messages.note, `${count(traffic.messages.from_client + traffic.messages.from_upstream)} since the start`);
  say(data.note, `${bytes(traffic.bytes.from_client + traffic.bytes.from_upstream)} since the start`);

  showHandshakes(model, history, time);
}

function showDirections(shown, history, what, describe, now) {
  const counters = [(it) => it[what].from_client, (it) => it[what].from_upstream];
  for (const [index, counter] of counters.entries()) {
    const value = history.rateNow(counter);
    say(shown.values[index], value === undefined ? '–' : describe(value));
  }
  const title = `${shown.title} to endpoints and to clients`;
  shown.line.draw(counters.map((counter) => history.rates(counter)), now, title, describe);
}

function showHandshakes(model, history, now) {
  const { borders } = model.handshakes;
  const describe = ({ value, isAbove }) => `${isAbove ? '>' : ''}${latency(value)}`;
  const of = (quantile) => (before, after) => {
    const counts = between(before.phases.total, after.phases.total);
    return counts && percentile(borders, counts, quantile)?.value;
  };
  const [before, after] = history.since(MINUTE);
  const counts = between(before.phases.total, after.phases.total) ?? [];
  const quantiles = [0.99, 0.5];
  for (const [index, quantile] of quantiles.entries()) {
    const found = percentile(borders, counts, quantile);
    say(handshakes.values[index], found ? describe(found) : '–');
  }
  const number = total(counts);
  const phases = number > 0 ? phasesOf(model, before, after) : '';
  say(handshakes.note, number > 0 ? `${many(number, 'handshake')} in the last minute${phases}` : 'none in the last minute');
  const series = quantiles.map((quantile) => history.windows(MINUTE, of(quantile)));
  handshakes.line.draw(series, now, 'Handshakes, 99 of 100 and half of them', latency);
}

/** Where half of the handshakes spend their time, phase by phase. */
function phasesOf({ handshakes: { borders, phases } }, before, after) {
  const told = phases.filter(({ name }) => name !== 'total').flatMap(({ name }) => {
    const counts = between(before.phases[name], after.phases[name]);
    const half = counts && percentile(borders, counts, 0.5);
    return half ? [`${PHASES[name] ?? name} ${latency(half.value)}`] : [];
  });
  return told.length > 0 ? `; ${told.join(', ')}` : '';
}

/** A title, values by name, a line for each, and a note. */
function figure(title, names, kinds) {
  const values = names.map(() => element('dd', { text: '–' }));
  const isAlone = names.length === 1;
  const list = element('dl', { class: isAlone ? 'values alone' : 'values' });
  for (const [index, name] of names.entries()) {
    const key = element('i', { class: `key ${kinds[index]}`, 'aria-hidden': 'true' });
    const term = element('dt', { class: isAlone ? 'hidden' : '' }, ...(isAlone ? [name] : [key, name]));
    list.append(element('div', {}, term, values[index]));
  }
  const line = new Sparkline(kinds);
  const note = element('p', { class: 'note' });
  const root = element('div', { class: 'card figure' }, element('h2', { text: title }), list, line.root, note);
  return { root, title, values, line, note };
}
