/** Horizontal runs of mask pixels, the common tongue of the rasterisers and the edits. It knows no shapes and no labels. */

const FEW_SPANS = 32;

/** Receives the pixels x0 ≤ x < x1 of row y, in mask pixels. */
export type SpanSink = (y: number, x0: number, x1: number) => void;

/** Flat y, x0, x1, y, x0, x1 …: rows ascending, and within a row ascending, disjoint and not touching. */
export type SpanList = readonly number[];

/** Collects overlapping spans in any order and gives them back as the union, row by row. */
export interface SpanUnion {
  readonly add: SpanSink;
  emit(sink: SpanSink): void;
}

export function createSpanUnion(): SpanUnion {
  const rows = new Map<number, number[]>();
  return {
    add(y, x0, x1) {
      const row = rows.get(y);
      if (row === undefined) rows.set(y, [x0, x1]);
      else extendRow(row, x0, x1);
    },
    emit(sink) {
      for (const y of Float64Array.from(rows.keys()).sort()) emitRow(y, rows.get(y)!, sink);
    },
  };
}

/** A stroke's next piece nearly always overlaps its last one, so rows stay one or two spans long. */
function extendRow(row: number[], x0: number, x1: number): void {
  const last = row.length - 2;
  if (x0 > row[last + 1]! || x1 < row[last]!) {
    row.push(x0, x1);
    return;
  }
  if (x0 < row[last]!) row[last] = x0;
  if (x1 > row[last + 1]!) row[last + 1] = x1;
}

function emitRow(y: number, row: number[], sink: SpanSink): void {
  sortSpans(row);
  let x0 = row[0]!;
  let x1 = row[1]!;
  for (let at = 2; at < row.length; at += 2) {
    if (row[at]! > x1) {
      sink(y, x0, x1);
      x0 = row[at]!;
      x1 = row[at + 1]!;
    } else if (row[at + 1]! > x1) x1 = row[at + 1]!;
  }
  sink(y, x0, x1);
}

/** By start. Few spans, mostly in order, are the rule; a scribble's many are worth a real sort. */
function sortSpans(row: number[]): void {
  if (row.length > 2 * FEW_SPANS) {
    const order = Array.from({ length: row.length / 2 }, (_, i) => 2 * i).sort((a, b) => row[a]! - row[b]!);
    const sorted = order.flatMap((at) => [row[at]!, row[at + 1]!]);
    for (let i = 0; i < row.length; i++) row[i] = sorted[i]!;
    return;
  }
  for (let i = 2; i < row.length; i += 2) {
    const x0 = row[i]!;
    const x1 = row[i + 1]!;
    let at = i;
    for (; at > 0 && row[at - 2]! > x0; at -= 2) {
      row[at] = row[at - 2]!;
      row[at + 1] = row[at - 1]!;
    }
    row[at] = x0;
    row[at + 1] = x1;
  }
}
