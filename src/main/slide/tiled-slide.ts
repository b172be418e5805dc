/**
 * A slide made of tiles: checks addresses, adds the coarser levels a viewer needs, cuts regions, and remembers a bounded
 * number of decoded tiles. Where the tiles come from is the reader's business.
 */
import { type CancelSignal, throwIfCancelled } from '../../core/cancel.ts';
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';
import { cropImage, halve, pasteImage, whiteImage } from '../../core/resample.ts';
import type { EncodedTile, RgbImage, Slide, SlideInfo, SlideLevel } from '../../core/slide.ts';
import { ByteCache } from './byte-cache.ts';
import { cutRegion } from './cut-region.ts';
import { encodeJpeg } from './sharp-codec.ts';
import { tileSize, withMadeLevels } from './slide-levels.ts';

/** About 300 decoded tiles of 256×256. */
const PIXEL_CACHE_BYTES = 64 << 20;
const ENCODED_CACHE_BYTES = 16 << 20;

/** Where stored tiles come from. Plain errors are tagged `tile-damaged` with the tile's address by the caller. */
export interface TileReader {
  /** Stored levels only, finest first. */
  readonly info: SlideInfo;
  /** A tile that can go to a browser as stored, or null where its pixels have to be made. */
  stored(level: number, column: number, row: number, signal?: CancelSignal): Promise<EncodedTile | null>;
  /** RGB of the stored tile, padding included, or null where the file holds none there. */
  pixels(level: number, column: number, row: number, signal?: CancelSignal): Promise<RgbImage | null>;
  close(): Promise<void>;
}

/** Errors that are not about one tile's bytes. */
const PASSED_ON: ReadonlySet<string> = new Set(['cancelled', 'file-unreadable', 'internal']);

interface TileAddress {
  readonly level: number;
  readonly column: number;
  readonly row: number;
}

export class TiledSlide implements Slide {
  readonly info: SlideInfo;
  readonly #reader: TileReader;
  readonly #storedLevels: number;
  readonly #pixels = new ByteCache<RgbImage>(PIXEL_CACHE_BYTES);
  readonly #encoded = new ByteCache<EncodedTile>(ENCODED_CACHE_BYTES);
  readonly #underWay = new Map<string, Promise<RgbImage>>();
  #closed = false;

  constructor(reader: TileReader) {
    this.#reader = reader;
    this.#storedLevels = reader.info.levels.length;
    this.info = { ...reader.info, levels: withMadeLevels(reader.info.levels) };
  }

  async tile(level: number, column: number, row: number, signal?: CancelSignal): Promise<EncodedTile> {
    const address = { level, column, row };
    const stored = this.#levelAt(address);
    this.#throwIfStopped(signal);
    const key = keyOf(address);
    const known = this.#encoded.get(key);
    if (known !== undefined) return known;
    if (level < this.#storedLevels && isWholeTile(stored, column, row)) {
      const tile = await this.#guarded(address, () => this.#reader.stored(level, column, row, signal));
      if (tile !== null) return tile.passthrough ? tile : this.#keep(key, tile);
    }
    return this.#keep(key, await encodeJpeg(await this.tilePixels(level, column, row, signal)));
  }

  async region(slideRect: Rect, width: number, height: number, signal?: CancelSignal): Promise<RgbImage> {
    return await cutRegion(this, { slideRect, width, height }, signal);
  }

  /** RGB of one tile, cut to the level's edge. Errors as `tile`. */
  async tilePixels(level: number, column: number, row: number, signal?: CancelSignal): Promise<RgbImage> {
    const address = { level, column, row };
    this.#levelAt(address);
    const key = keyOf(address);
    for (;;) {
      this.#throwIfStopped(signal);
      const known = this.#pixels.get(key);
      if (known !== undefined) return known;
      try {
        return await (this.#underWay.get(key) ?? this.#begin(address, signal));
      } catch (error) {
        // Another asker cancelled the work we shared: begin it anew for ourselves.
        const anothers = isHistoloopError(error) && error.code === 'cancelled' && !signal?.aborted && !this.#closed;
        if (!anothers) throw error;
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pixels.clear();
    this.#encoded.clear();
    await Promise.allSettled(this.#underWay.values());
    await this.#reader.close();
  }

  #keep(key: string, tile: EncodedTile): EncodedTile {
    if (!this.#closed) this.#encoded.set(key, tile, tile.bytes.length);
    return tile;
  }

  #begin(address: TileAddress, signal: CancelSignal | undefined): Promise<RgbImage> {
    const key = keyOf(address);
    const work = this.#make(address, signal).then((image) => {
      if (!this.#closed) this.#pixels.set(key, image, image.data.length);
      return image;
    });
    const settled = work.finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, settled);
    return settled;
  }

  async #make(address: TileAddress, signal: CancelSignal | undefined): Promise<RgbImage> {
    if (address.level >= this.#storedLevels) return await this.#makeFromFiner(address, signal);
    const { level, column, row } = address;
    const size = tileSize(this.info.levels[level]!, column, row);
    const image = await this.#guarded(address, () => this.#reader.pixels(level, column, row, signal));
    return image === null ? whiteImage(size.width, size.height) : cropImage(image, size.width, size.height);
  }

  /** Four tiles of the level below, one after another: a large slide must not fill the memory at once. */
  async #makeFromFiner(address: TileAddress, signal: CancelSignal | undefined): Promise<RgbImage> {
    const { level, column, row } = address;
    const finer = this.info.levels[level - 1]!;
    const first = tileSize(finer, column * 2, row * 2);
    const right = hasTile(finer, column * 2 + 1, row * 2) ? tileSize(finer, column * 2 + 1, row * 2).width : 0;
    const below = hasTile(finer, column * 2, row * 2 + 1) ? tileSize(finer, column * 2, row * 2 + 1).height : 0;
    const four = whiteImage(first.width + right, first.height + below);
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      if (!hasTile(finer, column * 2 + dx, row * 2 + dy)) continue;
      const image = await this.tilePixels(level - 1, column * 2 + dx, row * 2 + dy, signal);
      pasteImage(four, image, dx * finer.tileWidthPx, dy * finer.tileHeightPx);
    }
    return halve(four);
  }

  async #guarded<T>(address: TileAddress, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (isHistoloopError(error) && PASSED_ON.has(error.code)) throw error;
      this.#throwIfStopped(undefined);
      const { level, column, row } = address;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `the tile at level ${level}, column ${column}, row ${row} is damaged (${reason}): the rest of the slide can still be used; copy the file again to repair it`;
      throw new HistoloopError('tile-damaged', message, { cause: error, data: { level, column, row } });
    }
  }

  #levelAt({ level, column, row }: TileAddress): SlideLevel {
    const found = this.info.levels[level];
    if (found === undefined || !hasTile(found, column, row)) {
      const message = `there is no tile at level ${level}, column ${column}, row ${row} in this slide`;
      throw new HistoloopError('bad-input', message, { data: { level, column, row } });
    }
    return found;
  }

  #throwIfStopped(signal: CancelSignal | undefined): void {
    throwIfCancelled(signal);
    if (this.#closed) throw new HistoloopError('cancelled', 'the slide was closed');
  }
}

function keyOf({ level, column, row }: TileAddress): string {
  return `${level}/${column}/${row}`;
}

function hasTile(level: SlideLevel, column: number, row: number): boolean {
  const inside = (index: number, tilePx: number, sidePx: number) =>
    Number.isInteger(index) && index >= 0 && index * tilePx < sidePx;
  return inside(column, level.tileWidthPx, level.widthPx) && inside(row, level.tileHeightPx, level.heightPx);
}

/** Edge tiles are stored with padding; a viewer gets them cut to the level, so they cannot be passed on as stored. */
function isWholeTile(level: SlideLevel, column: number, row: number): boolean {
  const size = tileSize(level, column, row);
  return size.width === level.tileWidthPx && size.height === level.tileHeightPx;
}
