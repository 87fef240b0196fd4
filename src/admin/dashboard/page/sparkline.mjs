// A line of the last quarter of an hour, without axes: its highest value stands below it as a number, and what it shows is
// said in words to those who do not see it.

import { drawn, element, mark, say } from './elements.mjs';
import { SPAN } from './history.mjs';
import { age } from './words.mjs';

const [WIDTH, HEIGHT] = [300, 44];
/** Before there is more to see, a line is no longer than this, in seconds. */
const SHORTEST = 60;
/** Room for the stroke, above and below. */
const EDGE = 2;

export class Sparkline {
  /** `kinds` has a class for each line; the first is drawn last, on a tinted ground. */
  constructor(kinds) {
    this.ground = drawn('path', { class: 'ground' });
    this.lines = kinds.map((kind) => drawn('path', { class: `line ${kind}` }));
    this.svg = drawn('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
      this.ground, ...this.lines.toReversed());
    this.peak = element('span');
    this.from = element('span');
    this.foot = element('p', { class: 'foot' }, this.from, this.peak);
    this.root = element('div', { class: 'sparkline' }, this.svg, this.foot);
  }

  /** Each of `series` is a list of `{time, value}`; `describe` says a value with its unit. */
  draw(series, now, title, describe) {
    const values = series.flat().map(({ value }) => value).filter((value) => value !== undefined);
    const peak = Math.max(0, ...values);
    // A page that was just opened has no past: the line is as long as what there is of it.
    const span = Math.min(SPAN, Math.max(SHORTEST, ...series.flat().map(({ time }) => now - time)));
    const place = ({ time, value }) => [
      WIDTH * (1 - (now - time) / span),
      HEIGHT - EDGE - (peak > 0 ? value / peak : 0) * (HEIGHT - 2 * EDGE),
    ];
    // A line at nothing says nothing.
    const isEmpty = values.length < 2 || peak === 0;
    for (const [index, line] of this.lines.entries()) {
      mark(line, 'd', isEmpty ? '' : pieces(series[index]).map((piece) => path(piece.map(place))).join(''));
    }
    mark(this.ground, 'd', isEmpty ? '' : pieces(series[0]).map((piece) => area(piece.map(place))).join(''));
    this.foot.hidden = isEmpty;
    say(this.from, `${age(span)} ago`);
    say(this.peak, isEmpty ? '' : `peak ${describe(peak)}`);
    const latest = series.map((points) => points.at(-1)?.value).filter((value) => value !== undefined);
    const said = isEmpty
      ? `${title}: nothing yet`
      : `${title}, last ${age(span)}: peak ${describe(peak)}, now ${latest.map(describe).join(' and ')}`;
    mark(this.svg, 'aria-label', said);
  }
}

/** What hangs together: it ends where a value is not known, and before a point that begins anew. */
function pieces(points) {
  const found = [];
  let piece;
  for (const point of points) {
    if (point.value === undefined) {
      piece = undefined;
      continue;
    }
    if (!piece || point.isFirst) found.push((piece = []));
    piece.push(point);
  }
  return found.filter((it) => it.length > 1);
}

function path(places) {
  return `M${places.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}`;
}

function area(places) {
  return `${path(places)}L${places.at(-1)[0].toFixed(1)} ${HEIGHT}L${places[0][0].toFixed(1)} ${HEIGHT}Z`;
}
