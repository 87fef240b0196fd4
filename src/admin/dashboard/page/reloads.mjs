// What became of the last reloads.

import { byId, element, keyed, say } from './elements.mjs';
import { clock, count } from './words.mjs';

const summary = element('p', { class: 'soft' });
const list = element('ol', { class: 'reloads' });
byId('reloads').append(summary, list);

export function showReloads({ reloads, process }, now) {
  const { changed, unchanged, refused, last } = reloads;
  const served = `Generation ${process.generation} is served`;
  const counts = `${count(changed)} changed something, ${count(unchanged)} nothing, ${count(refused)} refused`;
  say(summary, changed + unchanged + refused === 0 ? `${served}; no reload since the start.` : `${served}. Since the start: ${counts}.`);
  keyed(list, last.toReversed(), (it) => it.number, make, (item, reload) => say(item.time, clock(reload.at, now)));
}

function make({ result, generation, changes, more_changes: more, why }) {
  const time = element('time', { class: 'soft' });
  const word = element('span', { class: 'result', 'data-result': result, text: `${RESULTS[result] ?? ''} ${result}` });
  const served = element('span', { class: 'soft', text: generation ? `generation ${generation}` : '' });
  const head = element('p', { class: 'reload-line' }, time, word, served);
  const lines = why ? [why] : [...changes, ...(more > 0 ? [`and ${count(more)} more`] : [])];
  const texts = lines.map((text) => element('p', { class: why ? 'why' : 'change', text }));
  return Object.assign(element('li', {}, head, ...texts), { time });
}

const RESULTS = { changed: '✓', unchanged: '=', refused: '✕' };
