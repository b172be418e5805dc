/**
 * Masks that others made, as label tiles: a GeoJSON file or a label image. All or nothing: a reader either answers the
 * whole mask or throws. It writes nothing and knows neither the store nor image files.
 */
import type { LabelClass } from '../../core/label.ts';

/** The slide whose mask is read, and how names or values of the file become classes. */
export interface LabelTarget {
  /** Level-0 pixels. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly maskDownsample: number;
  readonly classes: readonly LabelClass[];
  /**
   * Name (GeoJSON) or value (label image) in the file → class id; what is not listed is left out; the name '' stands for
   * objects without a class. Null: names are the project's own, values are its class ids, anything else is an error.
   */
  readonly mapping: Readonly<Record<string, number>> | null;
}

/** Labels of one 512×512 mask tile, as `Store.importLabels` takes them; byte 0 says nothing. */
export interface LabelTile {
  readonly column: number;
  readonly row: number;
  readonly labels: Uint8Array;
}

export interface ImportedLabels {
  /** Row by row; only tiles that hold a label. */
  readonly tiles: readonly LabelTile[];
  /** Polygons drawn (GeoJSON) or pixels set (label image) by class id. */
  readonly counts: ReadonlyMap<number, number>;
  /** What was left out and why, in sentences. */
  readonly warnings: readonly string[];
}

export interface LabelImage {
  readonly width: number;
  readonly height: number;
  /** One value a pixel, row-major. */
  readonly data: Uint8Array | Uint16Array;
}
