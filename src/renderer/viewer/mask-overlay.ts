/**
 * The mask over the slide: chooses level and tiles for the view, lays a person's layer over the chosen prediction, draws
 * waiting gestures at once, and hands planes to a painter. It knows no OpenSeadragon, no React and no server.
 */
import type { EditOperation } from '../../core/contract.ts';
import { intersectRect, type Rect, tilesOf, unionRect } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { TILE_LENGTH } from '../../core/mask/tile-grid.ts';
import { type Affine, scaleOf, visibleRect } from './affine.ts';
import { type LabelLayer, MAX_LEVEL, type PlaneAddress } from './label-layer.ts';
import type { Painter, PlacedPlane, Screen } from './painter.ts';
import type { Look } from './palette.ts';
import { boundsOf, PendingEdits, paintSpans, planesUnder } from './pending-edits.ts';

export interface OverlaySlide {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly maskDownsample: number;
}

/** A coarser level is taken a little before its pixels are as small as the screen's. */
const LEVEL_BIAS = 0.25;

/** The name under which pieces of the gesture under the pointer wait. */
const LIVE = 'live';

const keyOf = ({ level, column, row }: PlaneAddress) => `${level}/${column}/${row}`;

export class MaskOverlay {
  private readonly slide: OverlaySlide;
  private readonly painter: Painter;
  private readonly pending: PendingEdits;
  private human: LabelLayer | null = null;
  private prediction: LabelLayer | null = null;
  private humanShown = true;
  /** Human labels with waiting gestures drawn in, by plane. */
  private readonly drafts = new Map<string, Uint8Array>();
  /** Planes whose picture is out of date. */
  private readonly dirty = new Set<string>();
  private level = 0;

  constructor(slide: OverlaySlide, painter: Painter) {
    this.slide = slide;
    this.painter = painter;
    this.pending = new PendingEdits(slide);
  }

  setLayers(layers: { human: LabelLayer | null; prediction: LabelLayer | null; humanShown: boolean }): void {
    const { human, prediction, humanShown } = layers;
    if (human === this.human && prediction === this.prediction && humanShown === this.humanShown) return;
    Object.assign(this, { human, prediction, humanShown });
    this.redoAll();
  }

  setLook(look: Look): void {
    this.painter.setLook(look);
  }

  /** The next piece of the gesture under the pointer: drawn at once into the planes on screen. Errors: `bad-input`. */
  drawPiece(piece: EditOperation): void {
    const spans = this.pending.add(LIVE, piece, this.level);
    const planes = planesUnder(spans);
    for (let i = 0; i < planes.length; i += 2) {
      const address = { level: this.level, column: planes[i]!, row: planes[i + 1]! };
      const key = keyOf(address);
      const draft = this.drafts.get(key);
      if (draft === undefined || this.dirty.has(key) || !this.painter.holds(key)) {
        this.redo(address);
        continue;
      }
      const predicted = this.prediction?.labels(address) ?? null;
      const changed = paintSpans({ human: draft, predicted }, piece, spans, address);
      if (changed !== null) this.upload(address, changed);
    }
  }

  /** Forgets the gesture under the pointer. */
  dropPieces(): void {
    this.redoUnder(this.pending.remove(LIVE));
  }

  /** The gesture under the pointer is finished and waits for its acknowledgement as a whole. Errors: `bad-input`. */
  addPending(requestId: string, operation: EditOperation): void {
    this.dropPieces();
    this.pending.add(requestId, operation, this.level);
    this.redoUnder([operation]);
  }

  /** The gesture is in the tiles now, or was refused. */
  removePending(requestId: string): void {
    this.redoUnder(this.pending.remove(requestId));
  }

  /** Labels over a base tile changed in a layer: drawn anew at the next frame. */
  baseChanged(column: number, row: number): void {
    for (let level = 0; level <= MAX_LEVEL; level++) {
      this.redo({ level, column: column >> level, row: row >> level });
    }
  }

  private redo(address: PlaneAddress): void {
    const key = keyOf(address);
    this.drafts.delete(key);
    if (this.painter.holds(key)) this.dirty.add(key);
  }

  private redoUnder(operations: readonly EditOperation[]): void {
    for (const operation of operations) {
      const bounds = boundsOf(operation);
      for (let level = 0; level <= MAX_LEVEL; level++) {
        for (const address of this.planesIn(bounds, level)) this.redo(address);
      }
    }
  }

  private redoAll(): void {
    this.drafts.clear();
    this.dirty.clear();
    this.painter.forget();
  }

  /** Draws the present view; returns how many base tiles are still to come for it. */
  draw(map: Affine, screen: Screen): number {
    const level = this.levelFor(scaleOf(map) * screen.ratio);
    if (level !== this.level) this.drafts.clear();
    this.level = level;
    const planes = this.planesIn(visibleRect(map, screen.width, screen.height), level);
    const missing = (this.human?.want(planes) ?? 0) + (this.prediction?.want(planes) ?? 0);
    const placed: PlacedPlane[] = [];
    for (const address of planes) {
      const key = keyOf(address);
      if (this.dirty.delete(key) || !this.painter.holds(key)) this.upload(address, null);
      const edgePx = this.edgePx(level);
      placed.push({ key, x: address.column * edgePx, y: address.row * edgePx, edgePx });
    }
    this.painter.draw(map, screen, placed);
    return missing;
  }

  /** The bytes of both layers at a level-0 point, as the level on screen holds them; null beyond the slide. */
  valueAt(x: number, y: number): { human: number; predicted: number } | null {
    if (x < 0 || y < 0 || x >= this.slide.widthPx || y >= this.slide.heightPx) return null;
    const step = this.slide.maskDownsample * 2 ** this.level;
    const column = Math.floor(x / step / MASK_TILE_PX);
    const row = Math.floor(y / step / MASK_TILE_PX);
    const address = { level: this.level, column, row };
    const at =
      (Math.floor(y / step) - row * MASK_TILE_PX) * MASK_TILE_PX + Math.floor(x / step) - column * MASK_TILE_PX;
    const human = this.humanLabels(address)?.[at] ?? 0;
    return { human, predicted: this.prediction?.labels(address)?.[at] ?? 0 };
  }

  /** The level-0 rectangle around all tiles that hold anything, null where the mask is empty. */
  extent(): Rect | null {
    const edge = this.edgePx(0);
    const slide = { x: 0, y: 0, width: this.slide.widthPx, height: this.slide.heightPx };
    let whole: Rect | null = null;
    for (const layer of [this.human, this.prediction]) {
      const tiles = layer?.extent() ?? null;
      if (tiles === null) continue;
      const { x0, y0, x1, y1 } = tiles;
      const rect = { x: x0 * edge, y: y0 * edge, width: (x1 - x0) * edge, height: (y1 - y0) * edge };
      whole = whole === null ? rect : unionRect(whole, rect);
    }
    return whole && intersectRect(whole, slide);
  }

  dispose(): void {
    this.painter.dispose();
    this.drafts.clear();
  }

  private upload(address: PlaneAddress, changed: Rect | null): void {
    const human = this.humanShown ? this.humanLabels(address) : null;
    const predicted = this.prediction?.labels(address) ?? null;
    this.painter.upload(keyOf(address), { human, predicted }, changed);
  }

  private humanLabels(address: PlaneAddress): Uint8Array | null {
    const key = keyOf(address);
    const draft = this.drafts.get(key);
    if (draft !== undefined) return draft;
    const known = this.human?.labels(address) ?? null;
    if (!this.pending.touches(address)) return known;
    const fresh = known === null ? new Uint8Array(TILE_LENGTH) : new Uint8Array(known);
    this.pending.drawInto(fresh, this.prediction?.labels(address) ?? null, address);
    this.drafts.set(key, fresh);
    return fresh;
  }

  private levelFor(devicePxPerSlidePx: number): number {
    const maskPxPerDevicePx = 1 / (devicePxPerSlidePx * this.slide.maskDownsample);
    return Math.min(MAX_LEVEL, Math.max(0, Math.floor(Math.log2(maskPxPerDevicePx) + LEVEL_BIAS)));
  }

  private edgePx(level: number): number {
    return MASK_TILE_PX * this.slide.maskDownsample * 2 ** level;
  }

  /** Plane tiles in view, nearest to its middle first. */
  private planesIn(view: Rect, level: number): PlaneAddress[] {
    const onSlide = intersectRect(view, { x: 0, y: 0, width: this.slide.widthPx, height: this.slide.heightPx });
    const edge = this.edgePx(level);
    const { x0, y0, x1, y1 } = tilesOf(onSlide, edge);
    const planes: PlaneAddress[] = [];
    for (let row = y0; row < y1; row++)
      for (let column = x0; column < x1; column++) planes.push({ level, column, row });
    const middle = { x: (view.x + view.width / 2) / edge - 0.5, y: (view.y + view.height / 2) / edge - 0.5 };
    const distance = ({ column, row }: PlaneAddress) => Math.hypot(column - middle.x, row - middle.y);
    return planes.sort((a, b) => distance(a) - distance(b));
  }
}
