/**
 * One layer of labels as the window sees it: which tiles exist, which have come, and the exact downsample of them at every
 * level. Loads only what the present view wants, a few tiles at a time, nearest to the middle first; clean planes leave.
 * It draws nothing and knows no colours.
 */

import { MASK_TILE_PX } from '../../core/label.ts';
import { decodeTile } from '../../core/mask/codec.ts';
import { TILE_LENGTH } from '../../core/mask/tile-grid.ts';
import type { TileAddress } from '../api.ts';
import { halveSquare } from './shrink.ts';

/** A 512×512 tile of level L, each of its pixels 2^L mask pixels wide; null labels: nothing said anywhere in it. */
export interface PlaneAddress extends TileAddress {
  readonly level: number;
}

export interface LabelLayerHost {
  /** Errors are told to `onError`; the tile is tried again when it is next wanted. */
  fetchTile(address: TileAddress, revision: number): Promise<Uint8Array | null>;
  /** Labels of the planes over this base tile changed: draw again. */
  onChange(base: TileAddress): void;
  onError(error: unknown): void;
}

interface BaseTile {
  readonly column: number;
  readonly row: number;
  wanted: number;
  have: number;
  failedAt: number;
  loading: boolean;
  /** Run-length code, null where empty, undefined until it came. */
  code: Uint8Array | null | undefined;
}

interface Plane extends PlaneAddress {
  labels: Uint8Array | null;
  /** Base tiles whose present content this plane does not hold yet. */
  readonly missing: Set<BaseTile>;
  usedAt: number;
}

/** Level 9 shrinks a whole tile to one pixel. */
export const MAX_LEVEL = 9;
const MAX_PLANES = 160;
const MAX_LOADING = 6;
const RETRY_MS = 2000;
/** Time per turn for decoding and shrinking, so that a pan never stutters. */
const WORK_MS = 6;

const baseKey = (column: number, row: number) => row * 65536 + column;
const planeKey = ({ level, column, row }: PlaneAddress) => `${level}/${column}/${row}`;

export class LabelLayer {
  readonly layerId: number;
  private readonly host: LabelLayerHost;
  private readonly bases = new Map<number, BaseTile>();
  private readonly planes = new Map<string, Plane>();
  private view: Plane[] = [];
  private waiting: { tiles: Set<BaseTile>; done: () => void }[] = [];
  private loading = 0;
  private clock = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private closed = false;

  constructor(layerId: number, host: LabelLayerHost) {
    this.layerId = layerId;
    this.host = host;
  }

  /** What the layer holds: flat column, row … Tiles known already stay on screen until their newer content is here. */
  setContents(revision: number, tiles: readonly number[]): void {
    const listed = new Set<number>();
    for (let i = 0; i + 1 < tiles.length; i += 2) {
      listed.add(baseKey(tiles[i]!, tiles[i + 1]!));
      this.markStale(tiles[i]!, tiles[i + 1]!, revision);
    }
    for (const [key, base] of this.bases) if (!listed.has(key)) this.markStale(base.column, base.row, revision);
    this.pump();
  }

  /** Tiles changed on the workstation; resolves when those in view show their new content. */
  markChanged(revision: number, tiles: readonly number[]): Promise<void> {
    const changed = new Set<BaseTile>();
    for (let i = 0; i + 1 < tiles.length; i += 2) changed.add(this.markStale(tiles[i]!, tiles[i + 1]!, revision));
    const settled = new Promise<void>((done) => this.waiting.push({ tiles: changed, done }));
    this.pump();
    this.settle();
    return settled;
  }

  /** The planes on screen now, most important first. Returns how many base tiles are still to come for them. */
  want(addresses: readonly PlaneAddress[]): number {
    this.clock++;
    this.view = addresses.map((address) => this.touch(address));
    this.evict();
    this.pump();
    return this.missingInView();
  }

  /** Labels known now, null where nothing is said. Never write into them. */
  labels(address: PlaneAddress): Uint8Array | null {
    return this.planes.get(planeKey(address))?.labels ?? null;
  }

  /** The tiles that hold anything, as a rectangle of columns and rows; null for an empty layer. */
  extent(): { x0: number; y0: number; x1: number; y1: number } | null {
    let extent: { x0: number; y0: number; x1: number; y1: number } | null = null;
    for (const { column, row, code } of this.bases.values()) {
      if (code === null) continue;
      extent ??= { x0: column, y0: row, x1: column + 1, y1: row + 1 };
      extent.x0 = Math.min(extent.x0, column);
      extent.y0 = Math.min(extent.y0, row);
      extent.x1 = Math.max(extent.x1, column + 1);
      extent.y1 = Math.max(extent.y1, row + 1);
    }
    return extent;
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const { done } of this.waiting) done();
    this.waiting = [];
  }

  private missingInView(): number {
    const tiles = new Set<BaseTile>();
    for (const plane of this.view) for (const base of plane.missing) tiles.add(base);
    return tiles.size;
  }

  private markStale(column: number, row: number, revision: number): BaseTile {
    const key = baseKey(column, row);
    let base = this.bases.get(key);
    if (base === undefined) {
      base = {
        column,
        row,
        wanted: revision,
        have: -1,
        failedAt: Number.NEGATIVE_INFINITY,
        loading: false,
        code: undefined,
      };
      this.bases.set(key, base);
    } else if (revision > base.have) base.wanted = Math.max(base.wanted, revision);
    if (base.have < base.wanted) for (const plane of this.planesOver(base)) plane.missing.add(base);
    return base;
  }

  private *planesOver(base: TileAddress): Iterable<Plane> {
    for (let level = 0; level <= MAX_LEVEL; level++) {
      const plane = this.planes.get(planeKey({ level, column: base.column >> level, row: base.row >> level }));
      if (plane !== undefined) yield plane;
    }
  }

  private touch(address: PlaneAddress): Plane {
    const key = planeKey(address);
    let plane = this.planes.get(key);
    if (plane === undefined) {
      plane = { ...address, labels: null, missing: new Set(), usedAt: 0 };
      this.planes.set(key, plane);
      for (const base of this.basesUnder(address)) plane.missing.add(base);
      if (plane.missing.size > 0) this.borrow(plane);
    }
    plane.usedAt = this.clock;
    return plane;
  }

  private *basesUnder({ level, column, row }: PlaneAddress): Iterable<BaseTile> {
    const edge = 2 ** level;
    if (edge * edge > this.bases.size) {
      for (const base of this.bases.values()) {
        if (base.column >> level === column && base.row >> level === row) yield base;
      }
      return;
    }
    for (let y = row * edge; y < (row + 1) * edge; y++) {
      for (let x = column * edge; x < (column + 1) * edge; x++) {
        const base = this.bases.get(baseKey(x, y));
        if (base !== undefined) yield base;
      }
    }
  }

  /** Until its own content is there, a plane shows the coarser one that covers it. */
  private borrow(plane: Plane): void {
    const coarser = this.labels({ level: plane.level + 1, column: plane.column >> 1, row: plane.row >> 1 });
    if (coarser === null) return;
    const labels = new Uint8Array(TILE_LENGTH);
    const half = MASK_TILE_PX / 2;
    const start = (plane.row & 1) * half * MASK_TILE_PX + (plane.column & 1) * half;
    for (let y = 0; y < MASK_TILE_PX; y++) {
      const from = start + (y >> 1) * MASK_TILE_PX;
      for (let x = 0; x < MASK_TILE_PX; x++) labels[y * MASK_TILE_PX + x] = coarser[from + (x >> 1)]!;
    }
    plane.labels = labels;
  }

  /** Turns what has come into planes within a time budget, and asks for what has not. */
  private pump(): void {
    if (this.closed) return;
    const started = performance.now();
    let later = false;
    for (const plane of this.view) {
      for (const base of plane.missing) {
        if (base.have >= base.wanted) {
          if (performance.now() - started > WORK_MS) later = true;
          else this.spread(base);
        } else if (!base.loading && performance.now() - base.failedAt > RETRY_MS) this.load(base);
      }
    }
    this.settle();
    if (later) this.pumpSoon(0);
  }

  private pumpSoon(delayMs: number): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.pump();
    }, delayMs);
  }

  private load(base: BaseTile): void {
    if (this.loading >= MAX_LOADING) return;
    const revision = base.wanted;
    this.loading++;
    base.loading = true;
    this.host
      .fetchTile(base, revision)
      .then(
        (code) => {
          base.code = code;
          base.have = Math.max(base.have, revision);
          base.failedAt = Number.NEGATIVE_INFINITY;
        },
        (error: unknown) => {
          base.failedAt = performance.now();
          if (!this.closed) this.host.onError(error);
          this.pumpSoon(RETRY_MS);
        },
      )
      .finally(() => {
        this.loading--;
        base.loading = false;
        this.pump();
      });
  }

  /** Writes a base tile, shrunk as each needs it, into the planes that miss it. */
  private spread(base: BaseTile): void {
    const planes = [...this.planesOver(base)].filter((plane) => plane.missing.has(base));
    const deepest = Math.max(...planes.map((plane) => plane.level));
    let labels = this.decode(base);
    let size = MASK_TILE_PX;
    for (let level = 0; level <= deepest; level++) {
      if (level > 0) {
        labels = labels && halveSquare(labels, size);
        size /= 2;
      }
      const plane = planes.find((candidate) => candidate.level === level);
      if (plane !== undefined) writePatch(plane, base, labels, size);
    }
    for (const plane of planes) plane.missing.delete(base);
    this.host.onChange(base);
  }

  private decode(base: BaseTile): Uint8Array | null {
    try {
      return base.code ? decodeTile(base.code, TILE_LENGTH) : null;
    } catch (error) {
      base.code = null;
      this.host.onError(error);
      return null;
    }
  }

  /** Wakes those who wait for tiles that are either on screen by now or not in view. */
  private settle(): void {
    const inView = new Set<BaseTile>();
    for (const plane of this.view) for (const base of plane.missing) inView.add(base);
    this.waiting = this.waiting.filter(({ tiles, done }) => {
      for (const tile of tiles) if (inView.has(tile)) return true;
      done();
      return false;
    });
  }

  private evict(): void {
    if (this.planes.size <= MAX_PLANES) return;
    const oldest = [...this.planes].filter(([, plane]) => plane.usedAt < this.clock);
    oldest.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key] of oldest.slice(0, this.planes.size - MAX_PLANES)) this.planes.delete(key);
  }
}

/** A base tile covers a square of `size` pixels in a plane of its level. */
function writePatch(plane: Plane, base: TileAddress, labels: Uint8Array | null, size: number): void {
  if (labels === null && plane.labels === null) return;
  plane.labels ??= new Uint8Array(TILE_LENGTH);
  const x = (base.column - (plane.column << plane.level)) * size;
  const y = (base.row - (plane.row << plane.level)) * size;
  for (let line = 0; line < size; line++) {
    const to = (y + line) * MASK_TILE_PX + x;
    if (labels === null) plane.labels.fill(0, to, to + size);
    else plane.labels.set(labels.subarray(line * size, (line + 1) * size), to);
  }
}
