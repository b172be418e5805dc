/** From labels to coloured pixels on the processor: filled, or outlined. Pure loops over one rectangle of a plane. */
import type { Rect } from '../../core/geometry.ts';
import { MASK_TILE_PX, NOTHING } from '../../core/label.ts';
import type { PlaneLabels } from './painter.ts';
import { classAt, colorOf, type Palette } from './palette.ts';

/** RGBA pixels of `area`, row-major, written over zeros. */
export function fillColors(pixels: Uint32Array, { human, predicted }: PlaneLabels, area: Rect, palette: Palette): void {
  for (let y = 0, to = 0; y < area.height; y++) {
    let at = (area.y + y) * MASK_TILE_PX + area.x;
    for (let x = 0; x < area.width; x++, at++, to++) {
      const said = human === null ? NOTHING : human[at]!;
      if (said !== NOTHING) pixels[to] = palette.human[said]!;
      else if (predicted !== null) pixels[to] = palette.predicted[predicted[at]!]!;
    }
  }
}

export interface Outline {
  readonly palette: Palette;
  /** How far inside the edge the line reaches, plane pixels. */
  readonly reach: number;
}

/** Only pixels with a neighbour of another class within reach; the plane's own border is no edge. */
export function outlineColors(pixels: Uint32Array, labels: PlaneLabels, area: Rect, outline: Outline): void {
  const { human, predicted } = labels;
  const last = MASK_TILE_PX - 1;
  const { palette, reach } = outline;
  const classIn = (x: number, y: number) => {
    const at = Math.min(last, Math.max(0, y)) * MASK_TILE_PX + Math.min(last, Math.max(0, x));
    return classAt(human === null ? NOTHING : human[at]!, predicted === null ? NOTHING : predicted[at]!);
  };
  for (let row = 0, to = 0; row < area.height; row++) {
    const y = area.y + row;
    for (let column = 0; column < area.width; column++, to++) {
      const x = area.x + column;
      const own = classIn(x, y);
      if (own === NOTHING) continue;
      let inside = true;
      for (let step = 1; step <= reach && inside; step++) {
        inside =
          classIn(x - step, y) === own &&
          classIn(x + step, y) === own &&
          classIn(x, y - step) === own &&
          classIn(x, y + step) === own;
      }
      if (inside) continue;
      const at = y * MASK_TILE_PX + x;
      pixels[to] = colorOf(palette, human?.[at] ?? NOTHING, predicted?.[at] ?? NOTHING);
    }
  }
}
