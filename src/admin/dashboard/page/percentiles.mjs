// What the difference of two states of a histogram says. Nothing here touches the page.

/** The events of each bucket between two states; `undefined` where they are not of one process. */
export function between(before, after) {
  if (!before || before.length !== after.length) return undefined;
  const differences = after.map((number, bucket) => number - before[bucket]);
  return differences.some((number) => number < 0) ? undefined : differences;
}

/** How many events there are. */
export function total(counts) {
  return counts.reduce((sum, number) => sum + number, 0);
}

/**
 * The value below which the share `quantile` of the events lies. `borders` are the upper ends of all buckets but the last,
 * which has none; within a bucket, events are taken to be spread evenly. `isAbove` says that it lies beyond the last border.
 * `undefined` where there are no events.
 */
export function percentile(borders, counts, quantile) {
  const all = total(counts);
  if (all === 0) return undefined;
  const rank = all * quantile;
  let below = 0;
  for (const [bucket, number] of counts.entries()) {
    if (number > 0 && below + number >= rank) {
      if (bucket >= borders.length) return { value: borders.at(-1) ?? 0, isAbove: true };
      const low = bucket === 0 ? 0 : borders[bucket - 1];
      return { value: low + (borders[bucket] - low) * ((rank - below) / number), isAbove: false };
    }
    below += number;
  }
  return { value: borders.at(-1) ?? 0, isAbove: true };
}
