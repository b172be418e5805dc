/**
 * Shares of a slide's windows: read, run, and kept for as long as neighbouring tiles may want them. Forgetting one costs
 * time, never correctness: it is run again. Windows are begun before they are waited for, so that the network always has
 * the next one while this thread reads and puts together.
 */
import { throwIfCancelled } from '../cancel.ts';
import type { Rect } from '../geometry.ts';
import { sharePlanes } from '../nn/byte-border.ts';
import type { PredictOptions } from './predict-options.ts';
import {
  addWindow,
  type Canvas,
  createCanvas,
  finishCanvas,
  type WindowGrid,
  type WindowSpan,
  windowStart,
  windowsOf,
} from './windows.ts';

/** Memory for windows that were run and may serve the next tile. */
const KEPT_BYTES = 48 * 2 ** 20;
/** One runs, one lies ready in the engine's process, one is read. More would only delay a cancellation. */
const LANES = 3;

/** The windows of one rectangle, begun. */
export interface BegunArea {
  /** The blended shares. Errors: as `predictTiles`. */
  paint(): Promise<Canvas>;
}

export interface WindowSource {
  /** Begins every window that reaches into the rectangle of model pixels. */
  begin(area: Rect): BegunArea;
  /** Windows that were begun and are not there yet. */
  underWay(): number;
  /** Windows the network was asked for so far. */
  runCount(): number;
}

interface Place {
  readonly column: number;
  readonly row: number;
}

export function createWindowSource(options: PredictOptions, grid: WindowGrid): WindowSource {
  const planes = sharePlanes(options.card.classes.length);
  const keptLimit = Math.max(16, Math.floor(KEPT_BYTES / (grid.size ** 2 * planes)));
  const kept = new Map<string, Promise<Uint8Array>>();
  const inLane = createLanes(LANES);
  let underWay = 0;
  let ran = 0;

  const begun = ({ column, row }: Place): Promise<Uint8Array> => {
    const key = `${column} ${row}`;
    const known = kept.get(key);
    kept.delete(key);
    const window = known ?? run({ column, row });
    kept.set(key, window);
    if (kept.size > keptLimit) kept.delete(kept.keys().next().value!);
    return window;
  };
  const run = (place: Place) => {
    underWay++;
    ran++;
    const window = inLane(() => runWindow(options, grid, place)).finally(() => underWay--);
    // Whoever paints hears of a failure; nobody may be there yet.
    window.catch(() => {});
    return window;
  };

  const begin = (area: Rect): BegunArea => {
    const { columns, rows } = spansOf(area, grid, options);
    const windows: { place: Place; shares: Promise<Uint8Array> }[] = [];
    for (let row = rows.first; row < rows.last; row++) {
      for (let column = columns.first; column < columns.last; column++) {
        windows.push({ place: { column, row }, shares: begun({ column, row }) });
      }
    }
    const paint = async () => {
      const canvas = createCanvas(area, planes);
      for (const { place, shares } of windows) {
        addWindow(canvas, grid, await shares, windowStart(grid, place.column), windowStart(grid, place.row));
      }
      finishCanvas(canvas, grid, columns, rows);
      return canvas;
    };
    return { paint };
  };
  return { begin, underWay: () => underWay, runCount: () => ran };
}

/** Lets so many pieces of work run at once, the others in the order they came. */
function createLanes(lanes: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = lanes;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

function spansOf(area: Rect, grid: WindowGrid, options: PredictOptions): { columns: WindowSpan; rows: WindowSpan } {
  const scale = options.modelPixelsPerMaskPixel;
  return {
    columns: windowsOf(grid, area.x, area.x + area.width, options.maskWidthPx * scale),
    rows: windowsOf(grid, area.y, area.y + area.height, options.maskHeightPx * scale),
  };
}

/** Shares [P, size, size] of one window. */
async function runWindow(options: PredictOptions, grid: WindowGrid, { column, row }: Place): Promise<Uint8Array> {
  const { network, source, maskDownsample, modelPixelsPerMaskPixel, signal } = options;
  throwIfCancelled(signal);
  const slidePerModel = maskDownsample / modelPixelsPerMaskPixel;
  const edge = grid.size * slidePerModel;
  const x = windowStart(grid, column) * slidePerModel;
  const y = windowStart(grid, row) * slidePerModel;
  const image = await source({ x, y, width: edge, height: edge }, grid.size, grid.size);
  throwIfCancelled(signal);
  return network.run(image);
}
