/** The mean over 3×3 neighbours: the smallest smoothing that takes single noisy pixels away. */

/** Mean over 3×3 neighbours, edges repeated. */
export function boxMean3(values: Float32Array, width: number, height: number): Float32Array {
  const rows = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      rows[i] = values[x > 0 ? i - 1 : i]! + values[i]! + values[x < width - 1 ? i + 1 : i]!;
    }
  }
  const mean = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      mean[i] = (rows[y > 0 ? i - width : i]! + rows[i]! + rows[y < height - 1 ? i + width : i]!) / 9;
    }
  }
  return mean;
}
