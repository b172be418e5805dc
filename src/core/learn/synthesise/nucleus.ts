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

/** Draws a nucleus and marks its pixels as true nucleus. */
export function drawNucleus(canvas: Canvas, nucleus: Nucleus): void {
  const colour = new Float32Array(3);
  const detailed = canvas.pitchUm <= DETAIL_UM;
  stainColour(nucleus.haematoxylin, nucleus.eosin, colour, 0);
  eachPixel(canvas, nucleus, (pixel, coverage, rho, qx, qy) => {
    if (detailed) {
      const amount = nucleus.haematoxylin * chromatinAt(canvas, nucleus, pixel, rho, qx, qy);
      stainColour(amount, nucleus.eosin, colour, 0);
    }
    blend(canvas.light, pixel, colour, coverage);
    if (coverage >= 0.5) canvas.truth[pixel] = NUCLEUS_LABEL;
  });
}

/** A red cell: a pale-centred disc of its own pigment; it is no nucleus, and covers none in the truth it lies beside. */
export function drawRedCell(canvas: Canvas, cell: Nucleus): void {
  const colour = new Float32Array(3);
  redCellColour(cell.eosin, colour, 0);
  eachPixel(canvas, cell, (pixel, coverage, rho) => {
    if (canvas.truth[pixel] === NUCLEUS_LABEL) return;
    if (canvas.pitchUm <= DETAIL_UM) redCellColour(cell.eosin * (0.78 + 0.3 * rho * rho), colour, 0);
    blend(canvas.light, pixel, colour, coverage);
  });
}

/** Multiplies the light by a dye: a cell's body or a smear over what is already there; no truth is changed. */
export function drawVeil(canvas: Canvas, veil: Nucleus): void {
  const colour = new Float32Array(3);
  const glass = new Float32Array(3);
  stainColour(veil.haematoxylin, veil.eosin, colour, 0);
  stainColour(0, 0, glass, 0);
  eachPixel(canvas, veil, (pixel, coverage) => {
    for (let c = 0; c < 3; c++) canvas.light[pixel * 3 + c]! *= 1 + (colour[c]! / glass[c]! - 1) * coverage;
  });
}

function blend(light: Float32Array, pixel: number, colour: Float32Array, coverage: number): void {
  for (let c = 0; c < 3; c++) {
    const at = pixel * 3 + c;
    light[at] = light[at]! + (colour[c]! - light[at]!) * coverage;
  }
}

/** How much of the nucleus' dye lies here: dark rim, clumps, pale middle, nucleolus. `rho` is 0 in the middle, 1 on the edge. */
function chromatinAt(canvas: Canvas, nucleus: Nucleus, pixel: number, rho: number, qx: number, qy: number): number {
  const x = canvas.x + (pixel % canvas.width);
  const y = canvas.y + Math.floor(pixel / canvas.width);
  const um = canvas.pitchUm;
  const clumps = noiseAt(canvas.map.table, (x * um) / 1.05 + nucleus.phase * 40, (y * um) / 1.05) - 0.5;
  const edge = Math.min(1, Math.max(0, (rho - 0.62) * 3.2));
  let amount = 1 + nucleus.chromatin * clumps * 1.5 + nucleus.rim * (edge - 0.35);
  amount -= nucleus.vesicular * 0.62 * (1 - edge);
  if (nucleus.nucleolus > 0) {
    const dx = qx - Math.cos(nucleus.phase * 3) * 0.28;
    const dy = qy - Math.sin(nucleus.phase * 3) * 0.28;
    const inside = 1 - Math.sqrt(dx * dx + dy * dy) / nucleus.nucleolus;
    if (inside > -0.5) amount += Math.min(1, inside + 0.5) * 0.95;
  }
  return Math.max(0.08, amount);
}

type Visit = (pixel: number, coverage: number, rho: number, qx: number, qy: number) => void;

/** Calls `visit` for the canvas pixels a nucleus covers at all, with the covered share. */
function eachPixel(canvas: Canvas, nucleus: Nucleus, visit: Visit): void {
  const um = canvas.pitchUm;
  const lumps = 1 + nucleus.three + nucleus.five;
  const reach = (Math.max(nucleus.a, nucleus.b) * lumps + nucleus.softUm + um) / um;
  const cx = nucleus.x / um - canvas.x - 0.5;
  const cy = nucleus.y / um - canvas.y - 0.5;
  const x0 = Math.max(0, Math.ceil(cx - reach));
  const x1 = Math.min(canvas.width - 1, Math.floor(cx + reach));
  const y0 = Math.max(0, Math.ceil(cy - reach));
  const y1 = Math.min(canvas.height - 1, Math.floor(cy + reach));
  if (x1 < x0 || y1 < y0) return;
  const cos = Math.cos(nucleus.angle);
  const sin = Math.sin(nucleus.angle);
  // An edge ramp one pixel wide makes a small disc too large; a smaller radius keeps its area.
  const shrink = (um * um) / 12;
  const a = Math.sqrt(Math.max(0.06, nucleus.a * nucleus.a - shrink));
  const b = Math.sqrt(Math.max(0.06, nucleus.b * nucleus.b - shrink));
  const soft = Math.max(um, nucleus.softUm);
  const lumpy = nucleus.three + nucleus.five > 0.01;
  const outer = lumps + soft / b;
  const inner = Math.max(0, 2 - lumps - soft / b);
  for (let y = y0; y <= y1; y++) {
    const dy = (y - cy) * um;
    for (let x = x0; x <= x1; x++) {
      const dx = (x - cx) * um;
      const qx = (dx * cos + dy * sin) / a;
      const qy = (dy * cos - dx * sin) / b;
      const distance = Math.sqrt(qx * qx + qy * qy);
      if (distance > outer) continue;
      if (distance < inner) {
        visit(y * canvas.width + x, 1, distance, qx, qy);
        continue;
      }
      const rho = lumpy && distance > 0.2 ? distance / outline(nucleus, qx / distance, qy / distance) : distance;
      const slope = distance < 1e-3 ? 1 / b : Math.sqrt((qx * qx) / (a * a) + (qy * qy) / (b * b)) / distance;
      const coverage = 0.5 + (1 - rho) / (slope * soft);
      if (coverage > 0.01) visit(y * canvas.width + x, Math.min(1, coverage), rho, qx, qy);
    }
  }
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
