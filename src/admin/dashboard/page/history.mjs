// The last quarter of an hour, as this page has seen it. The process keeps none: what nobody looks at costs nothing.
//
// Each point has the counters as they were; what happened is the difference of two points of one process. Points of another
// process (a restart, a handoff) begin a new epoch, and there is no difference across two of them.

/** How far back it goes, in seconds. */
export const SPAN = 15 * 60;
/** Between two points that are kept, in seconds. */
export const STEP = 5;
/** Over how long the numbers of now are taken, in seconds. */
const NOW = 5;
/** A hole this long in the feed, in seconds, is one in the charts. */
const HOLE = 3 * STEP;

export class History {
  /** Every point of the last moments, oldest first. */
  #recent = [];
  /** One in each step. */
  #kept = [];

  /** Takes the counters at a time, in seconds. */
  note(point) {
    const last = this.#recent.at(-1);
    if (last && point.time <= last.time) return;
    this.#recent.push(point);
    while (this.#recent[0].time < point.time - 2 * NOW) this.#recent.shift();
    const kept = this.#kept.at(-1);
    if (!kept || kept.epoch !== point.epoch || Math.floor(point.time / STEP) > Math.floor(kept.time / STEP)) this.#kept.push(point);
    while (this.#kept[0].time < point.time - SPAN - STEP) this.#kept.shift();
  }

  get last() {
    return this.#recent.at(-1);
  }

  /** How much of a counter came each second, just now. */
  rateNow(counter) {
    const last = this.last;
    const before = this.#recent.find((point) => point.epoch === last?.epoch && point.time >= last.time - NOW);
    return before && before !== last ? rateOf(before, last, counter) : undefined;
  }

  /** The same for each step: `{time, value}`, `value` undefined where it is not known. */
  rates(counter) {
    return this.#pairs().map(([before, after]) => ({ time: after.time, value: rateOf(before, after, counter) }));
  }

  /** A value at each step. */
  values(read) {
    return this.#kept.map((point, index) => {
      const follows = index === 0 || isNext(this.#kept[index - 1], point);
      return { time: point.time, value: read(point), isFirst: !follows };
    });
  }

  /** For each step what `describe` makes of the point there and the one so many seconds before. */
  windows(seconds, describe) {
    return this.#kept.map((point) => {
      const before = this.#kept.find((it) => it.epoch === point.epoch && it.time >= point.time - seconds);
      return { time: point.time, value: before === point ? undefined : describe(before, point) };
    });
  }

  /** The last point, and the one of the same process that is so many seconds older, or the oldest. */
  since(seconds) {
    const last = this.last;
    const all = [...this.#kept, ...(last ? [last] : [])];
    return [all.find((point) => point.epoch === last.epoch && point.time >= last.time - seconds), last];
  }

  /** Differences of what `read` yields, summed in bins of so many seconds: `[{time, sums}]`, oldest first. */
  bins(seconds, read) {
    const last = this.last;
    if (!last) return [];
    const end = Math.floor(last.time / seconds) + 1;
    const bins = Array.from({ length: SPAN / seconds }, (_, index) => ({
      time: (end - SPAN / seconds + index) * seconds,
      sums: new Map(),
    }));
    const points = last === this.#kept.at(-1) ? this.#kept : [...this.#kept, last];
    for (const [index, after] of points.entries()) {
      const before = points[index - 1];
      const bin = bins[Math.floor(after.time / seconds) - end + bins.length];
      if (!before || before.epoch !== after.epoch || !bin) continue;
      const earlier = read(before);
      for (const [key, number] of read(after)) {
        const more = number - (earlier.get(key) ?? 0);
        if (more > 0) bin.sums.set(key, (bin.sums.get(key) ?? 0) + more);
      }
    }
    return bins;
  }

  #pairs() {
    return this.#kept.slice(1).map((point, index) => [this.#kept[index], point]);
  }
}

function rateOf(before, after, counter) {
  if (!isNext(before, after)) return undefined;
  return Math.max(0, counter(after) - counter(before)) / (after.time - before.time);
}

function isNext(before, after) {
  return before.epoch === after.epoch && after.time - before.time <= HOLE;
}
