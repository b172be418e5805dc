/** One nucleus (or red cell, cell body, smear): a soft, possibly irregular ellipse laid on the canvas. */
import type { Canvas } from './canvas.ts';
import { noiseAt } from './noise.ts';
import { redCellColour, stainColour } from './stain-colour.ts';

const NUCLEUS_LABEL = 2;

/** Lengths in µm, angles in radians, dyes as amounts before the slide's own stain factors. */
export interface Nucleus {
  x: number;
  y: number;
  /** Half axes, and the direction of the first. */
  a: number;
  b: number;
  angle: number;
  /** How lumpy the outline is: amplitudes of three and five bumps around, and where they start. */
  three: number;
  five: number;
  phase: number;
  haematoxylin: number;
  eosin: number;
  /** Darkening of the rim, coarseness of chromatin, paleness of the middle: 0…1. */
  rim: number;
  chromatin: number;
  vesicular: number;
  /** Radius of a nucleolus as a share of the nucleus; 0 for none. */
  nucleolus: number;
  /** Width of the soft edge. */
  softUm: number;
}

/** Fine structure is drawn only where a pixel can show it. */
const DETAIL_UM = 1.6;

const colour = new Float32Array(3);
const glass = new Float32Array(3);
stainColour(0, 0, glass, 0);

/** Draws a nucleus and marks its pixels as true nucleus. */
export function drawNucleus(canvas: Canvas, nucleus: Nucleus): void {
  const count = coverPixels(canvas, nucleus);
  for (let i = 0; i < count; i++) {
    if (covered.share[i]! >= 0.5) canvas.truth[covered.pixel[i]!] = NUCLEUS_LABEL;
  }
  if (canvas.light.length === 0) return;
  const detailed = canvas.pitchUm <= DETAIL_UM;
  const chromatin = chromatinOf(canvas, nucleus);
  stainColour(nucleus.haematoxylin * meanChromatin(nucleus), nucleus.eosin, colour, 0);
  for (let i = 0; i < count; i++) {
    if (detailed) stainColour(nucleus.haematoxylin * chromatin(i), nucleus.eosin, colour, 0);
    blend(canvas.light, covered.pixel[i]!, covered.share[i]!);
  }
}

/** A red cell: a pale-centred disc of its own pigment; it is no nucleus, and hides none that was drawn before it. */
export function drawRedCell(canvas: Canvas, cell: Nucleus): void {
  const detailed = canvas.pitchUm <= DETAIL_UM;
  redCellColour(cell.eosin, colour, 0);
  const count = coverPixels(canvas, cell);
  for (let i = 0; i < count; i++) {
    const pixel = covered.pixel[i]!;
    if (canvas.truth[pixel] === NUCLEUS_LABEL) continue;
    const rho = covered.rho[i]!;
    if (detailed) redCellColour(cell.eosin * (0.78 + 0.3 * rho * rho), colour, 0);
    blend(canvas.light, pixel, covered.share[i]!);
  }
}

/** Multiplies the light by a dye: a cell's body or a smear over what is already there; no truth is changed. */
export function drawVeil(canvas: Canvas, veil: Nucleus): void {
  const { light } = canvas;
  stainColour(veil.haematoxylin, veil.eosin, colour, 0);
  const [r, g, b] = [colour[0]! / glass[0]! - 1, colour[1]! / glass[1]! - 1, colour[2]! / glass[2]! - 1];
  const count = coverPixels(canvas, veil);
  for (let i = 0; i < count; i++) {
    const at = covered.pixel[i]! * 3;
    const share = covered.share[i]!;
    light[at]! *= 1 + r * share;
    light[at + 1]! *= 1 + g * share;
    light[at + 2]! *= 1 + b * share;
  }
}

function blend(light: Float32Array, pixel: number, share: number): void {
  const at = pixel * 3;
  light[at] = light[at]! + (colour[0]! - light[at]!) * share;
  light[at + 1] = light[at + 1]! + (colour[1]! - light[at + 1]!) * share;
  light[at + 2] = light[at + 2]! + (colour[2]! - light[at + 2]!) * share;
}

/**
 * How much of the nucleus' dye lies at the i-th covered pixel: dark rim, clumps, pale middle, nucleolus.
 */
function chromatinOf(canvas: Canvas, nucleus: Nucleus): (i: number) => number {
  const um = canvas.pitchUm;
  const { table } = canvas.map;
  const nucleolusX = Math.cos(nucleus.phase * 3) * 0.28;
  const nucleolusY = Math.sin(nucleus.phase * 3) * 0.28;
  return (i) => {
    const pixel = covered.pixel[i]!;
    const row = Math.floor(pixel / canvas.width);
    const x = (canvas.x + pixel - row * canvas.width) * um;
    const y = (canvas.y + row) * um;
    const clumps = noiseAt(table, x / 1.15 + nucleus.phase * 40, y / 1.15) - 0.5;
    const edge = Math.min(1, Math.max(0, (covered.rho[i]! - 0.62) * 3.2));
    let amount = 1 + nucleus.chromatin * clumps * 1.5 + nucleus.rim * (edge - 0.35);
    amount -= nucleus.vesicular * 0.62 * (1 - edge);
    if (nucleus.nucleolus > 0) {
      const dx = covered.qx[i]! - nucleolusX;
      const dy = covered.qy[i]! - nucleolusY;
      const inside = 1 - Math.sqrt(dx * dx + dy * dy) / nucleus.nucleolus;
      if (inside > -0.5) amount += Math.min(1, inside + 0.5) * 0.95;
    }
    return Math.max(0.08, amount);
  };
}

/** The mean of `chromatinOf` over the nucleus: its edge takes 0.39 of the area. */
function meanChromatin(nucleus: Nucleus): number {
  const { rim, vesicular, nucleolus } = nucleus;
  return 1 + rim * 0.04 - vesicular * 0.62 * 0.61 + nucleolus * nucleolus * 0.9;
}

/** The pixels of the shape last asked for: where, how much, 0 middle … 1 edge, and the place in half axes. */
const covered = {
  pixel: new Int32Array(4096),
  share: new Float32Array(4096),
  rho: new Float32Array(4096),
  qx: new Float32Array(4096),
  qy: new Float32Array(4096),
};

function makeRoom(pixels: number): void {
  if (covered.pixel.length >= pixels) return;
  covered.pixel = new Int32Array(pixels);
  covered.share = new Float32Array(pixels);
  covered.rho = new Float32Array(pixels);
  covered.qx = new Float32Array(pixels);
  covered.qy = new Float32Array(pixels);
}

/** Fills `covered` with the canvas pixels a shape touches; how many there are. */
function coverPixels(canvas: Canvas, nucleus: Nucleus): number {
  const um = canvas.pitchUm;
  const lumps = 1 + nucleus.three + nucleus.five;
  const reach = (Math.max(nucleus.a, nucleus.b) * lumps + nucleus.softUm + um) / um;
  const cx = nucleus.x / um - canvas.x - 0.5;
  const cy = nucleus.y / um - canvas.y - 0.5;
  const x0 = Math.max(0, Math.ceil(cx - reach));
  const x1 = Math.min(canvas.width - 1, Math.floor(cx + reach));
  const y0 = Math.max(0, Math.ceil(cy - reach));
  const y1 = Math.min(canvas.height - 1, Math.floor(cy + reach));
  if (x1 < x0 || y1 < y0) return 0;
  makeRoom((x1 - x0 + 1) * (y1 - y0 + 1));
  // An edge ramp one pixel wide makes a small disc too large; a smaller radius keeps its area.
  const shrink = (um * um) / 12;
  const a = Math.sqrt(Math.max(0.06, nucleus.a * nucleus.a - shrink));
  const b = Math.sqrt(Math.max(0.06, nucleus.b * nucleus.b - shrink));
  const cos = um * Math.cos(nucleus.angle);
  const sin = um * Math.sin(nucleus.angle);
  const [perA, perB] = [1 / a, 1 / b];
  const soft = Math.max(um, nucleus.softUm);
  const lumpy = nucleus.three + nucleus.five > 0.01;
  const outer = (lumps + soft / b) ** 2;
  const inner = Math.max(0, 2 - lumps - soft / b) ** 2;
  let count = 0;
  for (let y = y0; y <= y1; y++) {
    const dy = y - cy;
    for (let x = x0; x <= x1; x++) {
      const dx = x - cx;
      const qx = (dx * cos + dy * sin) * perA;
      const qy = (dy * cos - dx * sin) * perB;
      const square = qx * qx + qy * qy;
      if (square > outer) continue;
      let rho = Math.sqrt(square);
      let share = 1;
      if (square >= inner) {
        const slope = rho < 1e-3 ? perB : Math.sqrt(qx * qx * perA * perA + qy * qy * perB * perB) / rho;
        if (lumpy && rho > 0.2) rho /= outline(nucleus, qx / rho, qy / rho);
        share = Math.min(1, 0.5 + (1 - rho) / (slope * soft));
        if (share <= 0.01) continue;
      }
      covered.pixel[count] = y * canvas.width + x;
      covered.share[count] = share;
      covered.rho[count] = rho;
      covered.qx[count] = qx;
      covered.qy[count] = qy;
      count++;
    }
  }
  return count;
}

/** The lumpy outline's radius in the direction (ux, uy): 1 + three cos(3θ + φ) + five cos(5θ + 2φ). */
function outline(nucleus: Nucleus, ux: number, uy: number): number {
  const c2 = ux * ux - uy * uy;
  const s2 = 2 * ux * uy;
  const c3 = c2 * ux - s2 * uy;
  const s3 = s2 * ux + c2 * uy;
  const c5 = c3 * c2 - s3 * s2;
  const s5 = s3 * c2 + c3 * s2;
  const cp = Math.cos(nucleus.phase);
  const sp = Math.sin(nucleus.phase);
  return 1 + nucleus.three * (c3 * cp - s3 * sp) + nucleus.five * (c5 * (cp * cp - sp * sp) - s5 * 2 * sp * cp);
}
