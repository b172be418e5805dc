/** What a drawing is made on: light and truth of a rectangle of pixels at one pitch, and where those pixels lie. */
import type { FieldLattice } from './field-lattice.ts';
import type { TissueMap } from './tissue-map.ts';

export interface Canvas {
  readonly map: TissueMap;
  readonly lattice: FieldLattice;
  /** Top left pixel in the grid of this pitch, and the size in pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Level-0 pixels per drawn pixel, and micrometres per drawn pixel. */
  readonly pitchPx: number;
  readonly pitchUm: number;
  /** R, G, B, 0…255 unrounded, row-major; empty where only the truth is wanted. */
  readonly light: Float32Array;
  /** 1 Background, 2 Nucleus (core/label), row-major. */
  readonly truth: Uint8Array;
}
