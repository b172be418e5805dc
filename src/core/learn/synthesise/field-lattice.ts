/** The tissue map sampled on a fixed grid of about 4 µm and read back by interpolation: what makes drawing quick. */
import { FIELD_COUNT, type TissueMap } from './tissue-map.ts';

/** Level-0 pixels between nodes: about 4 µm for close looks, wider from afar, never finer than a drawn pixel. */
function stepFor(pitchPx: number): number {
  if (pitchPx < 4) return 8;
  return pitchPx < 16 ? 16 : Math.max(32, pitchPx);
}

export interface FieldLattice {
  /** µm between nodes, and the place of node (0, 0) in nodes. Nodes lie on whole multiples, whatever is drawn. */
  readonly stepUm: number;
  readonly column0: number;
  readonly row0: number;
  readonly columns: number;
  readonly rows: number;
  /** Row-major nodes, `FIELD_COUNT` values each. */
  readonly values: Float32Array;
}

/** Kept between drawings; a lattice is used up before the next one is sampled. */
let buffer = new Float32Array(0);

function takeBuffer(length: number): Float32Array {
  if (buffer.length < length) buffer = new Float32Array(length);
  return buffer.subarray(0, length);
}

/** Covers a rectangle in µm, until the next call. `pitchPx` is the width of a drawn pixel in level-0 pixels. */
export function sampleFields(
  map: TissueMap,
  area: { x0: number; y0: number; x1: number; y1: number },
  pitchPx: number,
): FieldLattice {
  const stepUm = stepFor(pitchPx) * map.recipe.pixelSizeUm;
  const column0 = Math.floor(area.x0 / stepUm);
  const row0 = Math.floor(area.y0 / stepUm);
  const columns = Math.ceil(area.x1 / stepUm) - column0 + 2;
  const rows = Math.ceil(area.y1 / stepUm) - row0 + 2;
  const values = takeBuffer(columns * rows * FIELD_COUNT);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      map.evaluate((column0 + column) * stepUm, (row0 + row) * stepUm, values, at);
      at += FIELD_COUNT;
    }
  }
  return { stepUm, column0, row0, columns, rows, values };
}

/** All fields at a point (µm) inside the lattice. */
export function readFields(lattice: FieldLattice, xUm: number, yUm: number, out: Float32Array): void {
  const { columns, rows, values } = lattice;
  const x = xUm / lattice.stepUm - lattice.column0;
  const y = yUm / lattice.stepUm - lattice.row0;
  const column = Math.min(columns - 2, Math.max(0, Math.floor(x)));
  const row = Math.min(rows - 2, Math.max(0, Math.floor(y)));
  const fx = x - column;
  const fy = y - row;
  const upper = (row * columns + column) * FIELD_COUNT;
  const lower = upper + columns * FIELD_COUNT;
  for (let f = 0; f < FIELD_COUNT; f++) {
    const a = values[upper + f]!;
    const b = values[lower + f]!;
    const top = a + (values[upper + FIELD_COUNT + f]! - a) * fx;
    const bottom = b + (values[lower + FIELD_COUNT + f]! - b) * fx;
    out[f] = top + (bottom - top) * fy;
  }
}

/** One field at a point (µm) inside the lattice. */
export function readField(lattice: FieldLattice, field: number, xUm: number, yUm: number): number {
  const { columns, rows, values } = lattice;
  const x = xUm / lattice.stepUm - lattice.column0;
  const y = yUm / lattice.stepUm - lattice.row0;
  const column = Math.min(columns - 2, Math.max(0, Math.floor(x)));
  const row = Math.min(rows - 2, Math.max(0, Math.floor(y)));
  const upper = (row * columns + column) * FIELD_COUNT + field;
  const lower = upper + columns * FIELD_COUNT;
  const top = values[upper]! + (values[upper + FIELD_COUNT]! - values[upper]!) * (x - column);
  const bottom = values[lower]! + (values[lower + FIELD_COUNT]! - values[lower]!) * (x - column);
  return top + (bottom - top) * (y - row);
}

/** The lattice's columns blended at one height (µm): `FIELD_COUNT` values a column, for reading along a row of pixels. */
export function blendRow(lattice: FieldLattice, yUm: number, out: Float32Array): void {
  const { columns, rows, values } = lattice;
  const y = yUm / lattice.stepUm - lattice.row0;
  const row = Math.min(rows - 2, Math.max(0, Math.floor(y)));
  const fy = y - row;
  const length = columns * FIELD_COUNT;
  const upper = row * length;
  for (let i = 0; i < length; i++) {
    const a = values[upper + i]!;
    out[i] = a + (values[upper + length + i]! - a) * fy;
  }
}
