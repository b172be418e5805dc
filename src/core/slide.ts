/** What a slide is, whatever file it came from. Coordinates are level-0 pixels unless the name says otherwise. */
import type { CancelSignal } from './cancel.ts';
import type { Rect } from './geometry.ts';

/** Where a pixel size came from: never guessed, so a model or an export can refuse `unknown`. */
export type PixelSizeSource = 'file' | 'user' | 'unknown';

export interface PixelSize {
  /** Micrometres per level-0 pixel, or null where the file does not say. */
  readonly xUm: number | null;
  readonly yUm: number | null;
  readonly source: PixelSizeSource;
  /** Why the value should be doubted, in words a user can act on; null where it looks sound. */
  readonly warning: string | null;
}

/** One stored (or drawn) resolution. */
export interface SlideLevel {
  readonly index: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly tileWidthPx: number;
  readonly tileHeightPx: number;
  /** Level-0 pixels per pixel of this level (1 for level 0). */
  readonly downsample: number;
}

export interface SlideInfo {
  readonly format: string;
  readonly vendor: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixelSize: PixelSize;
  /** Objective magnification as the file says it, or null. */
  readonly magnification: number | null;
  /** Finest first. */
  readonly levels: readonly SlideLevel[];
  /** Names of associated pictures (label, macro, thumbnail); their pixels are never served unless asked for by name. */
  readonly associated: readonly string[];
  readonly warnings: readonly string[];
}

/** An encoded tile as it goes to a browser. */
export interface EncodedTile {
  readonly bytes: Uint8Array;
  readonly mime: 'image/jpeg' | 'image/png' | 'image/webp';
  /** True where the stored bytes were passed on without decoding. */
  readonly passthrough: boolean;
}

/** RGB, 8 bits, row-major, 3 bytes a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** An open slide. Readers own file handles: close them. */
export interface Slide {
  readonly info: SlideInfo;
  /** The tile at (column, row) of a level, ready for a browser. Errors: `tile-damaged`, `bad-input` (outside), `cancelled`. */
  tile(level: number, column: number, row: number, signal?: CancelSignal): Promise<EncodedTile>;
  /**
   * Pixels of a level-0 rectangle, resampled to `width`×`height` output pixels from the nearest finer level.
   * Parts outside the slide are white. Errors: `tile-damaged`, `cancelled`.
   */
  region(slideRect: Rect, width: number, height: number, signal?: CancelSignal): Promise<RgbImage>;
  close(): Promise<void>;
}
