/**
 * Class probabilities of a slide's windows: read, run in batches, and kept for as long as neighbouring tiles may want
 * them. Forgetting one costs time, never correctness: it is run again.
 */
import { throwIfCancelled } from '../cancel.ts';
import type { ModelCard } from './model-card.ts';
import type { PredictOptions } from './predict-options.ts';
import { probabilitiesOf } from './probabilities.ts';
import { imagesToTensor } from './tensors.ts';
import { addWindow, type Canvas, type WindowGrid, windowStart, windowsOf } from './windows.ts';

/** Memory for windows that were run and may serve the next tile. */
const KEPT_BYTES = 96 * 2 ** 20;
/** A model of one size only usually takes one picture only, too. */
const defaultBatch = (card: ModelCard) => (card.fixedSizePx === null ? 2 : 1);

export interface WindowSource {
  /** Adds every window that reaches onto the canvas. Errors: as `predictTiles`. */
  paint(canvas: Canvas): Promise<void>;
  /** Windows the network ran on so far. */
  runCount(): number;
}

interface Place {
  readonly column: number;
  readonly row: number;
}

export function createWindowSource(options: PredictOptions, grid: WindowGrid): WindowSource {
  const keptLimit = Math.max(4, Math.floor(KEPT_BYTES / (4 * grid.size ** 2 * options.card.classes.length)));
  const kept = new Map<string, Float32Array>();
  const batch = options.batch ?? defaultBatch(options.card);
  let ran = 0;

  const keep = (key: string, window: Float32Array) => {
    kept.delete(key);
    kept.set(key, window);
    if (kept.size > keptLimit) kept.delete(kept.keys().next().value!);
  };
  const add = (canvas: Canvas, place: Place, window: Float32Array) => {
    addWindow(canvas, grid, window, windowStart(grid, place.column), windowStart(grid, place.row));
    keep(`${place.column} ${place.row}`, window);
  };

  const paint = async (canvas: Canvas) => {
    const missing: Place[] = [];
    for (const place of windowsOn(canvas, grid, options)) {
      const window = kept.get(`${place.column} ${place.row}`);
      if (window === undefined) missing.push(place);
      else add(canvas, place, window);
    }
    for (let i = 0; i < missing.length; i += batch) {
      throwIfCancelled(options.signal);
      const places = missing.slice(i, i + batch);
      const windows = await runWindows(options, grid, places);
      ran += places.length;
      places.forEach((place, n) => {
        add(canvas, place, windows[n]!);
      });
    }
  };
  return { paint, runCount: () => ran };
}

function windowsOn(canvas: Canvas, grid: WindowGrid, options: PredictOptions): Place[] {
  const scale = options.modelPixelsPerMaskPixel;
  const columns = windowsOf(grid, canvas.x, canvas.x + canvas.width, options.maskWidthPx * scale);
  const rows = windowsOf(grid, canvas.y, canvas.y + canvas.height, options.maskHeightPx * scale);
  const places: Place[] = [];
  for (let row = rows.first; row < rows.last; row++) {
    for (let column = columns.first; column < columns.last; column++) places.push({ column, row });
  }
  return places;
}

/** Probabilities [K, size, size] of each place, from one run. */
async function runWindows(
  options: PredictOptions,
  grid: WindowGrid,
  places: readonly Place[],
): Promise<Float32Array[]> {
  const { card, session, source, maskDownsample, modelPixelsPerMaskPixel } = options;
  const slidePerModel = maskDownsample / modelPixelsPerMaskPixel;
  const edge = grid.size * slidePerModel;
  const images = await Promise.all(
    places.map(({ column, row }) => {
      const x = windowStart(grid, column) * slidePerModel;
      const y = windowStart(grid, row) * slidePerModel;
      return source({ x, y, width: edge, height: edge }, grid.size, grid.size);
    }),
  );
  throwIfCancelled(options.signal);
  const outputs = await session.run({ [card.input]: imagesToTensor(images, card.normalisation) });
  const shape = [places.length, card.classes.length, grid.size, grid.size];
  const probabilities = probabilitiesOf(outputs[card.output], card, shape);
  const length = probabilities.length / places.length;
  return places.map((_, n) => probabilities.slice(n * length, (n + 1) * length));
}
