/** The slides of a project: which file belongs to which id, opened when first needed, kept open, closed together. */
import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, sep } from 'node:path';
import type { SlideSummary } from '../core/contract.ts';
import { HistoloopError } from '../core/errors.ts';
import type { EncodedTile, Slide, SlideInfo } from '../core/slide.ts';
import { openSlide } from './slide/open-slide.ts';
import { slideHash } from './slide/slide-hash.ts';
import type { SlideRow, Store } from './store/store-methods.ts';

/** A mask pixel is at most this wide where the slide's pixel size is known: fine enough for a nucleus, bounded in memory. */
const LARGEST_MASK_PIXEL_UM = 0.55;

/** A file up to this size is compared by its bytes whenever it is opened; a larger one would keep a person waiting. */
const CHECKED_BYTES = 256 * 2 ** 20;

export interface OpenSlideEntry {
  readonly row: SlideRow;
  readonly slide: Slide;
  /** The file's own description, with a person's pixel size where one was given. */
  readonly info: SlideInfo;
}

export interface SlideShelf {
  summaries(): Promise<SlideSummary[]>;
  row(slideId: string): Promise<SlideRow>;
  /** Errors: `file-missing`, `conflict` (another picture lies there now), and those of opening. */
  open(slideId: string): Promise<OpenSlideEntry>;
  /** A slide that the project has already is answered as it is; where its file was gone, it is found here from now on. */
  add(path: string): Promise<SlideRow>;
  tile(slideId: string, address: readonly [number, number, number], signal?: AbortSignal): Promise<EncodedTile>;
  close(): Promise<void>;
}

/** Level-0 pixels per mask pixel: the largest power of two that keeps a mask pixel at or under 0.55 µm; 1 where unknown. */
export function chooseMaskDownsample(info: SlideInfo): number {
  const um = info.pixelSize.xUm;
  if (um === null || info.pixelSize.warning !== null || um >= LARGEST_MASK_PIXEL_UM) return 1;
  return Math.max(1, 2 ** Math.floor(Math.log2(LARGEST_MASK_PIXEL_UM / um)));
}

interface OpenFile {
  readonly slide: Slide;
  /** What the file system said of the file just before it was opened. */
  readonly stamp: string | null;
}

/** Changes whenever a file is replaced or written; null where there is none. */
async function stampOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  return found && `${found.ino} ${found.size} ${found.mtimeMs}`;
}

/** Masks lie on one picture: another one under the same name is refused. Errors: `conflict`. */
async function requireSame(row: SlideRow, path: string, { widthPx, heightPx }: SlideInfo): Promise<void> {
  const advice = 'put the old file back, or add this one as a slide of its own';
  if (widthPx !== row.widthPx || heightPx !== row.heightPx) {
    const message = `${row.path} is not the slide that was added (${row.widthPx}×${row.heightPx} px then, ${widthPx}×${heightPx} now); ${advice}`;
    throw new HistoloopError('conflict', message);
  }
  const { size } = await stat(path);
  if (size > CHECKED_BYTES || (await slideHash(path)) === row.sha256) return;
  throw new HistoloopError('conflict', `${row.path} was changed since it was added: ${advice}`);
}

export function createSlideShelf(store: Store): SlideShelf {
  const open = new Map<string, Promise<OpenFile>>();
  /** Files that were changed on disk while open: whoever still reads them may finish; closed with the rest. */
  const outdated: Slide[] = [];
  /** One after the other, so that a slide that two windows add at once becomes one. */
  let lastAdded: Promise<unknown> = Promise.resolve();

  const pathOf = (row: SlideRow) => (isAbsolute(row.path) ? row.path : join(store.folder, row.path));
  const pathFor = (path: string) => {
    const inside = relative(store.folder, path);
    return inside.split(sep)[0] === '..' || isAbsolute(inside) ? path : inside;
  };

  async function row(slideId: string): Promise<SlideRow> {
    const found = (await store.slides()).find((slide) => slide.slideId === slideId);
    if (!found) throw new HistoloopError('not-found', `this project has no slide ${slideId}; add it first`);
    return found;
  }

  async function openFile(found: SlideRow): Promise<OpenFile> {
    const path = pathOf(found);
    const stamp = await stampOf(path);
    const slide = await openSlide(path);
    try {
      await requireSame(found, path, slide.info);
    } catch (error) {
      await slide.close();
      throw error;
    }
    return { slide, stamp };
  }

  /** Two requests share one opening; a failed one is forgotten so that a slide that comes back can be opened again. */
  function fileOf(found: SlideRow): Promise<OpenFile> {
    const known = open.get(found.slideId);
    if (known) return known;
    const opening = openFile(found);
    open.set(found.slideId, opening);
    opening.catch(() => open.get(found.slideId) === opening && open.delete(found.slideId));
    return opening;
  }

  /** The file as it lies on the disk now: one that was changed since it was opened is opened anew. */
  async function currentOf(found: SlideRow): Promise<Slide> {
    const opening = fileOf(found);
    const { slide, stamp } = await opening;
    if ((await stampOf(pathOf(found))) === stamp) return slide;
    if (open.get(found.slideId) === opening) {
      open.delete(found.slideId);
      outdated.push(slide);
    }
    return (await fileOf(found)).slide;
  }

  async function addNew(path: string, sha256: string, info: SlideInfo): Promise<SlideRow> {
    const known = (await store.slides()).find((entry) => entry.sha256 === sha256);
    if (known) return (await stampOf(pathOf(known))) === null ? store.moveSlide(known.slideId, pathFor(path)) : known;
    return store.addSlide({
      slideId: sha256.slice(0, 16),
      name: basename(path),
      path: pathFor(path),
      sha256,
      widthPx: info.widthPx,
      heightPx: info.heightPx,
      maskDownsample: chooseMaskDownsample(info),
    });
  }

  async function summaryOf(found: SlideRow): Promise<SlideSummary> {
    const exists = (await stampOf(pathOf(found))) !== null;
    const problem = exists
      ? null
      : `${found.path} is not there; connect its disk, put the file back, or add it from where it is now`;
    return { slideId: found.slideId, name: found.name, problem };
  }

  return {
    row,
    summaries: async () => Promise.all((await store.slides()).map(summaryOf)),
    async open(slideId) {
      const found = await row(slideId);
      const slide = await currentOf(found);
      const um = found.userPixelSizeUm;
      const info: SlideInfo =
        um === null ? slide.info : { ...slide.info, pixelSize: { xUm: um, yUm: um, source: 'user', warning: null } };
      return { row: found, slide, info };
    },
    async add(path) {
      const slide = await openSlide(path);
      try {
        const sha256 = await slideHash(path);
        const adding = lastAdded.then(() => addNew(path, sha256, slide.info));
        lastAdded = adding.catch(() => {});
        return await adding;
      } finally {
        await slide.close();
      }
    },
    async tile(slideId, [level, column, rowIndex], signal) {
      const { slide } = await (open.get(slideId) ?? fileOf(await row(slideId)));
      return slide.tile(level, column, rowIndex, signal);
    },
    async close() {
      const files = await Promise.allSettled(open.values());
      open.clear();
      for (const file of files) if (file.status === 'fulfilled') outdated.push(file.value.slide);
      for (const slide of outdated.splice(0)) await slide.close();
    },
  };
}
