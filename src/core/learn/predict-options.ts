/** What predicting a slide's tiles needs and gives, as plain types; `predict.ts` does it. */
import type { CancelSignal } from '../cancel.ts';
import type { Rect } from '../geometry.ts';
import type { RgbImage } from '../slide.ts';
import type { ModelCard } from './model-card.ts';
import type { WindowNetwork } from './window-network.ts';

/** For queues of what to look at next; both 0..1. */
export interface TileSummary {
  /** Mean probability of not being the first class (background). */
  readonly meanForeground: number;
  /** Mean entropy over ln(number of classes): 0 is sure, 1 is a guess. */
  readonly meanEntropy: number;
}

/** A finished tile: 512×512 labels; 0 beyond the slide's border. */
export interface PredictedTile extends TileSummary {
  readonly column: number;
  readonly row: number;
  readonly labels: Uint8Array;
}

export interface PredictOptions {
  readonly network: WindowNetwork;
  readonly card: ModelCard;
  /** Pixels of a level-0 rectangle at width×height, white outside the slide: `Slide.region`. */
  readonly source: (slideRect: Rect, width: number, height: number) => Promise<RgbImage>;
  /** Mask tiles to do, flat column, row, column, row … */
  readonly tiles: readonly number[];
  /** Level-0 pixels per mask pixel. */
  readonly maskDownsample: number;
  readonly maskWidthPx: number;
  readonly maskHeightPx: number;
  /** Model pixels per mask pixel (see `modelScale`); 1 where a pixel size is unknown. */
  readonly modelPixelsPerMaskPixel: number;
  /** Label (1..127) of each model class, by output channel. */
  readonly classIds: readonly number[];
  readonly onTile: (tile: PredictedTile) => void | Promise<void>;
  readonly signal?: CancelSignal | undefined;
  /** Edge of a window and what neighbours share of it, in model pixels; default 512 and 96. */
  readonly windowPx?: number | undefined;
  readonly overlapPx?: number | undefined;
}

export interface PredictReport {
  /** Tiles handed over. */
  readonly tiles: number;
  /** Windows the network ran on. */
  readonly windows: number;
}
