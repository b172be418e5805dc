/** Otsu's threshold (Otsu 1979, IEEE TSMC 9(1), eq. 13–19): the cut that separates a histogram's two classes best. */

const BINS = 256;

/**
 * The value v that maximises the variance between {≤ v} and {> v}. Values outside [low, high] count at the ends.
 * Where all values are equal there is nothing to separate and `high` is returned (so that nothing lies above it).
 */
export function otsuThreshold(values: ArrayLike<number>, low: number, high: number): number {
  const histogram = new Float64Array(BINS);
  const scale = BINS / (high - low);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor((values[i]! - low) * scale);
    histogram[Math.max(0, Math.min(BINS - 1, bin))]! += 1;
  }
  const bin = bestCut(histogram, values.length);
  return bin === null ? high : low + (bin + 1) / scale;
}

/** The last bin of the lower class, or null where one bin holds everything. A plateau gives its middle. */
function bestCut(histogram: Float64Array, total: number): number | null {
  let sum = 0;
  for (let i = 0; i < BINS; i++) sum += i * histogram[i]!;
  let count = 0;
  let below = 0;
  let best = 0;
  let first = -1;
  let last = -1;
  for (let i = 0; i < BINS - 1; i++) {
    count += histogram[i]!;
    below += i * histogram[i]!;
    if (count === 0 || count === total) continue;
    const difference = below / count - (sum - below) / (total - count);
    const between = count * (total - count) * difference * difference;
    if (between > best * (1 + 1e-12)) {
      best = between;
      first = i;
      last = i;
    } else if (between >= best * (1 - 1e-12) && last === i - 1) last = i;
  }
  return first < 0 ? null : Math.floor((first + last) / 2);
}
