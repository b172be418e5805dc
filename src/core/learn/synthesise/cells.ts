/**
 * Which cells lie where. Every kind lives on its own jittered grid; a cell's hash decides all about it, so the same place
 * always holds the same cell, and cells are drawn in the grid's own order whatever rectangle is asked for.
 */
import { hash32 } from '../../random.ts';
import type { Canvas } from './canvas.ts';
import { readField, readFields } from './field-lattice.ts';
import { BODY_UM } from './low-power.ts';
import { pixelHash } from './noise.ts';
import { drawNucleus, drawRedCell, drawVeil, type Nucleus } from './nucleus.ts';
import { FIELD, FIELD_COUNT } from './tissue-map.ts';

/** How far beyond a rectangle's edge a cell can reach into it, µm. */
export const CELL_REACH_UM = 14;
/** Further than a lattice's margin: such cells are few. */
export const SMEAR_REACH_UM = 60;

/** A cell's own chance: the n-th call gives its n-th number in [0, 1). */
export type Chance = () => number;

/** What a kind of cell sees when it is asked to be. */
export interface Site {
  readonly fields: Float32Array;
  readonly chance: Chance;
  readonly nucleus: Nucleus;
  /** Direction of the fibres here, radians. */
  fibreAngle(): number;
}

export interface CellKind {
  readonly id: number;
  readonly spacingUm: number;
  /** 0 a regular grid, 1 anywhere in the cell; rows are shifted by half a cell, so a regular grid is hexagonal. */
  readonly jitter: number;
  readonly reachUm: number;
  /** The field that must exceed a value for this kind to live here: spares looking at the others. */
  readonly gate: readonly [field: number, above: number];
  /** Not drawn where a pixel is wider: too small to see, and the ground has its mean colour. */
  readonly maxPitchUm: number;
  /** Fills `site.nucleus` beyond its place and returns how it is drawn, or null where there is none. */
  shape(site: Site): 'nucleus' | 'red-cell' | 'smear' | null;
  /** Radius of a body of cytoplasm under the nucleus, as a share of the spacing; 0 for none. */
  readonly body: number;
}

export function drawCells(canvas: Canvas, kinds: readonly CellKind[]): void {
  for (const kind of kinds)
    if (canvas.pitchUm <= kind.maxPitchUm)
      eachSite(canvas, kind, (how, nucleus) => drawOne(canvas, kind, how, nucleus));
}

function drawOne(canvas: Canvas, kind: CellKind, how: 'nucleus' | 'red-cell' | 'smear', nucleus: Nucleus): void {
  const isTruthOnly = canvas.light.length === 0;
  if (how === 'nucleus') {
    if (kind.body > 0 && canvas.pitchUm < BODY_UM && !isTruthOnly) drawBody(canvas, kind, nucleus);
    drawNucleus(canvas, nucleus);
  } else if (isTruthOnly) return;
  else if (how === 'red-cell') drawRedCell(canvas, nucleus);
  else drawVeil(canvas, nucleus);
}

const body = emptyNucleus();

function drawBody(canvas: Canvas, kind: CellKind, nucleus: Nucleus): void {
  body.x = nucleus.x;
  body.y = nucleus.y;
  body.angle = nucleus.angle;
  const stretch = Math.sqrt(nucleus.a / nucleus.b);
  body.a = kind.spacingUm * kind.body * stretch;
  body.b = (kind.spacingUm * kind.body) / stretch;
  body.haematoxylin = 0.02;
  body.eosin = 0.075 * nucleus.eosin * 10;
  body.softUm = 1.8;
  drawVeil(canvas, body);
}

function eachSite(
  canvas: Canvas,
  kind: CellKind,
  visit: (how: 'nucleus' | 'red-cell' | 'smear', nucleus: Nucleus) => void,
): void {
  const { spacingUm, jitter, reachUm, gate } = kind;
  const um = canvas.pitchUm;
  const seed = hash32(canvas.map.recipe.seed, kind.id);
  const margin = reachUm + spacingUm;
  const column0 = Math.floor((canvas.x * um - margin) / spacingUm);
  const column1 = Math.ceil(((canvas.x + canvas.width) * um + margin) / spacingUm);
  const row0 = Math.floor((canvas.y * um - margin) / spacingUm);
  const row1 = Math.ceil(((canvas.y + canvas.height) * um + margin) / spacingUm);
  const site = makeSite(canvas, reachUm > CELL_REACH_UM);
  const { nucleus, chance } = site;
  for (let row = row0; row < row1; row++) {
    for (let column = column0; column < column1; column++) {
      site.begin(pixelHash(seed, column, row));
      nucleus.x = (column + 0.5 + (row & 1) * 0.5 + (chance() - 0.5) * jitter) * spacingUm;
      nucleus.y = (row + 0.5 + (chance() - 0.5) * jitter) * spacingUm;
      if (isOutOfReach(canvas, nucleus, reachUm) || site.field(gate[0]) <= gate[1]) continue;
      site.look();
      if (site.fields[FIELD.tissue]! < 0) continue;
      resetShape(nucleus);
      const how = kind.shape(site);
      if (how === null) continue;
      nucleus.haematoxylin *= site.fields[FIELD.haematoxylin]!;
      nucleus.eosin *= site.fields[FIELD.eosin]!;
      visit(how, nucleus);
    }
  }
}

interface MovingSite extends Site {
  begin(state: number): void;
  field(field: number): number;
  look(): void;
}

/** A site that moves from cell to cell. Cells that reach far lie outside the lattice and ask the map itself. */
function makeSite(canvas: Canvas, isFar: boolean): MovingSite {
  const fields = new Float32Array(FIELD_COUNT);
  const beside = new Float32Array(FIELD_COUNT);
  const nucleus = emptyNucleus();
  let state = 0;
  const across = (x: number, y: number): number => {
    if (!isFar) return readField(canvas.lattice, FIELD.across, x, y);
    canvas.map.evaluate(x, y, beside, 0);
    return beside[FIELD.across]!;
  };
  const look = (): void => {
    if (isFar) canvas.map.evaluate(nucleus.x, nucleus.y, fields, 0);
    else readFields(canvas.lattice, nucleus.x, nucleus.y, fields);
  };
  return {
    fields,
    nucleus,
    look,
    begin(first) {
      state = first;
    },
    chance() {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return ((state >>> 8) & 0xffffff) / 16777216;
    },
    field(field) {
      if (!isFar) return readField(canvas.lattice, field, nucleus.x, nucleus.y);
      look();
      return fields[field]!;
    },
    /** Fibres run where y + across(x, y) stays equal: the slope of that line, over 6 µm. */
    fibreAngle() {
      const here = fields[FIELD.across]!;
      const alongX = (across(nucleus.x + 6, nucleus.y) - here) / 6;
      const alongY = 1 + (across(nucleus.x, nucleus.y + 6) - here) / 6;
      return Math.atan2(-alongX, alongY);
    },
  };
}

function isOutOfReach(canvas: Canvas, nucleus: Nucleus, reachUm: number): boolean {
  const um = canvas.pitchUm;
  const x = nucleus.x - canvas.x * um;
  const y = nucleus.y - canvas.y * um;
  return x < -reachUm || y < -reachUm || x > canvas.width * um + reachUm || y > canvas.height * um + reachUm;
}

function resetShape(nucleus: Nucleus): void {
  nucleus.three = 0;
  nucleus.five = 0;
  nucleus.phase = 0;
  nucleus.rim = 0.25;
  nucleus.chromatin = 0.3;
  nucleus.vesicular = 0;
  nucleus.nucleolus = 0;
  nucleus.softUm = 0.9;
}

function emptyNucleus(): Nucleus {
  const size = { x: 0, y: 0, a: 1, b: 1, angle: 0, three: 0, five: 0, phase: 0 };
  return { ...size, haematoxylin: 0, eosin: 0, rim: 0, chromatin: 0, vesicular: 0, nucleolus: 0, softUm: 0.7 };
}
