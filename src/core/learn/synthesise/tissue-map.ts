/**
 * Where is what on a drawn slide: smooth fields of place, in micrometres, from which every pixel and every nucleus reads
 * its tissue. Fields that end in a boundary are about as large as the distance to it, positive inside.
 */
import { hash32 } from '../../random.ts';
import { cloudAt, makeNoiseTable, type NoiseTable, noiseAt } from './noise.ts';
import type { DrawnRecipe } from './recipe.ts';

/** The fields, in the order in which `evaluate` writes them. */
export const FIELD = {
  tissue: 0,
  lumen: 1,
  vessel: 2,
  epithelium: 3,
  malignant: 4,
  /** Fibres run along lines of equal `across`; `along` is the coordinate on them. Offsets to y and x. */
  across: 5,
  along: 6,
  /** Factors on the amounts of haematoxylin and eosin. */
  haematoxylin: 7,
  eosin: 8,
  /** Where collagen bundles part. */
  clefts: 9,
  /** Patches of bluish ground in stroma, and how dense cytoplasm is: −1/2…1/2. */
  bluish: 10,
  cloudy: 11,
  inflammation: 12,
} as const;
export const FIELD_COUNT = 13;

export interface TissueMap {
  readonly recipe: DrawnRecipe;
  readonly table: NoiseTable;
  /** Writes all fields at a point (µm) to `fields[at…at + FIELD_COUNT)`. */
  evaluate(xUm: number, yUm: number, fields: Float32Array, at: number): void;
}

/** Middle, half axes (share of the slide) and turn of the pieces of tissue. */
interface Piece {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly cos: number;
  readonly sin: number;
}

export function makeTissueMap(recipe: DrawnRecipe): TissueMap {
  const { seed } = recipe;
  const table = makeNoiseTable(seed);
  const widthUm = recipe.widthPx * recipe.pixelSizeUm;
  const heightUm = recipe.heightPx * recipe.pixelSizeUm;
  const pieces = makePieces(seed, widthUm, heightUm);
  const glands = makeBlobs(seed, { kind: 1, spacingUm: 125, minUm: 9, maxUm: 40, stretch: 1.8, share: 0.8 });
  const vessels = makeBlobs(seed, { kind: 2, spacingUm: 150, minUm: 5, maxUm: 16, stretch: 2.6, share: 0.75 });
  const offset = (field: number) => hash32(seed, 77, field) % 251;
  const cloud = (field: number, x: number, y: number, scale: number) =>
    cloudAt(table, x / scale + offsets[field]!, y / scale + offsets[field + 20]!);
  const offsets = Array.from({ length: 40 }, (_, i) => offset(i));

  function tissueAt(x: number, y: number): number {
    let best = -1e9;
    for (const piece of pieces) {
      const dx = (x - piece.x) * piece.cos + (y - piece.y) * piece.sin;
      const dy = (y - piece.y) * piece.cos - (x - piece.x) * piece.sin;
      const inside = (1 - Math.hypot(dx / piece.a, dy / piece.b)) * Math.min(piece.a, piece.b);
      if (inside > best) best = inside;
    }
    const wander = Math.min(widthUm, heightUm) * 0.09;
    return best + cloud(0, x, y, wander * 2.2) * wander + cloud(1, x, y, 130) * 34 + cloud(2, x, y, 24) * 5;
  }

  function evaluate(x: number, y: number, fields: Float32Array, at: number): void {
    const tissue = tissueAt(x, y);
    const zone = cloud(3, x, y, 1500);
    const nests = cloud(4, x, y, 230) * 190 + cloud(18, x, y, 60) * 26 - 12;
    const malignant = Math.min(tissue - 40, nests + Math.min(30, (zone + 0.02) * 420));
    const glandZone = (-zone - 0.12) * 700;
    const wobble = cloud(5, x, y, 40) * 14;
    const gland = Math.min(glands.distance(x, y) + wobble, glandZone, tissue - 45, -malignant - 60);
    const surfaceDepth = 120 + cloud(6, x, y, 260) * 60 + cloud(7, x, y, 70) * 70;
    const isSurface = cloud(8, x, y, 2600) * 3000 + 250;
    const surface = Math.min(tissue - 2, surfaceDepth - tissue, isSurface, -malignant - 8);
    const vessel = Math.min(vessels.distance(x, y) + cloud(9, x, y, 14) * 3, tissue - 40, -malignant - 10, -gland - 40);
    const overall = 1.05 + cloud(10, x, y, 1900) * 0.72;
    const stain = Math.min(1.45, Math.max(0.65, overall));
    fields[at + FIELD.tissue] = tissue;
    fields[at + FIELD.lumen] = gland;
    fields[at + FIELD.vessel] = Math.min(vessel, -surface - 6);
    fields[at + FIELD.epithelium] = Math.max(gland + 26 + wobble * 0.4, surface);
    fields[at + FIELD.malignant] = malignant;
    fields[at + FIELD.across] = cloud(11, x, y, 330) * 150 + cloud(12, x, y, 75) * 20;
    fields[at + FIELD.along] = cloud(13, x, y, 300) * 110;
    const alongX = x + fields[at + FIELD.along]!;
    const acrossY = y + fields[at + FIELD.across]!;
    const patch =
      noiseAt(table, alongX / 58 + 3.3, y / 34 + 61.7) * 0.72 + noiseAt(table, alongX / 21, acrossY / 14) * 0.28;
    fields[at + FIELD.bluish] = patch - 0.67;
    fields[at + FIELD.cloudy] = noiseAt(table, x / 17 + 5.9, y / 17 + 77.3) - 0.5;
    fields[at + FIELD.haematoxylin] = stain * (1 + 0.3 * clampHalf(cloud(14, x, y, 1300)));
    fields[at + FIELD.eosin] = stain * (1 + 0.3 * clampHalf(cloud(15, x, y, 1300)));
    const border = Math.max(0, 1 - Math.abs(malignant + 70) / 90);
    fields[at + FIELD.inflammation] = noiseAt(table, x / 90 + offsets[16]!, y / 90) - 0.62 + border * 0.34;
    fields[at + FIELD.clefts] = cloud(17, x, y, 240);
  }

  return { recipe, table, evaluate };
}

function clampHalf(value: number): number {
  return Math.min(0.5, Math.max(-0.5, value));
}

/** One large piece, and a fragment beside it. */
function makePieces(seed: number, widthUm: number, heightUm: number): Piece[] {
  const u = (i: number) => hash32(seed, 5, i) / 4294967296;
  const turned = (angle: number) => ({ cos: Math.cos(angle), sin: Math.sin(angle) });
  const main = {
    x: widthUm * 0.47,
    y: heightUm * 0.47,
    a: widthUm * 0.43,
    b: heightUm * 0.385,
    ...turned(u(0) * 0.6 - 0.3),
  };
  const left = u(1) < 0.5;
  const fragment = {
    x: widthUm * (left ? 0.1 : 0.9),
    y: heightUm * 0.9,
    a: widthUm * 0.1,
    b: heightUm * 0.07,
    ...turned(u(2)),
  };
  return [main, fragment];
}

interface BlobKind {
  readonly kind: number;
  readonly spacingUm: number;
  readonly minUm: number;
  readonly maxUm: number;
  readonly stretch: number;
  /** Share of grid cells that hold one. */
  readonly share: number;
}

/** Rounded holes on a jittered grid: the distance (µm) into the nearest one, negative outside. */
function makeBlobs(seed: number, blob: BlobKind): { distance(x: number, y: number): number } {
  const { spacingUm } = blob;
  /** x, y, cos, sin, radius, 1/stretch² of the blobs around the cell last asked for. */
  let around: number[] = [];
  let column = Number.NaN;
  let row = Number.NaN;

  function addBlob(c: number, r: number): void {
    const u = (i: number) => hash32(seed, blob.kind, c, r, i) / 4294967296;
    if (u(5) > blob.share) return;
    const angle = u(0) * Math.PI;
    const radius = blob.minUm + (blob.maxUm - blob.minUm) * u(1) ** 1.5;
    const stretch = 1 + (blob.stretch - 1) * u(2);
    const x = (c + 0.5 + (r & 1) * 0.5 + (u(3) - 0.5) * 0.8) * spacingUm;
    const y = (r + 0.5 + (u(4) - 0.5) * 0.8) * spacingUm;
    around.push(x, y, Math.cos(angle), Math.sin(angle), radius, 1 / (stretch * stretch));
  }

  function lookAround(c: number, r: number): void {
    column = c;
    row = r;
    around = [];
    for (let dr = -1; dr <= 1; dr++) for (let dc = -2; dc <= 1; dc++) addBlob(c + dc, r + dr);
  }

  return {
    distance(x, y) {
      const c = Math.floor(x / spacingUm);
      const r = Math.floor(y / spacingUm);
      if (c !== column || r !== row) lookAround(c, r);
      let best = -1e9;
      for (let i = 0; i < around.length; i += 6) {
        const px = x - around[i]!;
        const py = y - around[i + 1]!;
        const dx = px * around[i + 2]! + py * around[i + 3]!;
        const dy = py * around[i + 2]! - px * around[i + 3]!;
        const inside = around[i + 4]! - Math.sqrt(dx * dx * around[i + 5]! + dy * dy);
        if (inside > best) best = inside;
      }
      return best;
    },
  };
}
