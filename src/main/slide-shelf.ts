/** The slides of a project: which file belongs to which id, opened when first needed, kept open, closed together. */
import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';
import type { SlideSummary } from '../core/contract.ts';
import { HistoloopError } from '../core/errors.ts';
import type { EncodedTile, Slide, SlideInfo } from '../core/slide.ts';
import { openSlide } from './slide/open-slide.ts';
import { slideHash } from './slide/slide-hash.ts';
import type { SlideRow, Store } from './store/store-methods.ts';

/** A mask pixel is at most this wide where the slide's pixel size is known: fine enough for a nucleus, bounded in memory. */
const LARGEST_MASK_PIXEL_UM = 0.55;

export interface OpenSlideEntry {
  readonly row: SlideRow;
  readonly slide: Slide;
  /** The file's own description, with a person's pixel size where one was given. */
  readonly info: SlideInfo;
}

export interface SlideShelf {
  summaries(): Promise<SlideSummary[]>;
  row(slideId: string): Promise<SlideRow>;
  open(slideId: string): Promise<OpenSlideEntry>;
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

export function createSlideShelf(store: Store): SlideShelf {
  const open = new Map<string, Promise<Slide>>();

  const pathOf = (row: SlideRow) => (isAbsolute(row.path) ? row.path : join(store.folder, row.path));

  async function row(slideId: string): Promise<SlideRow> {
    const found = (await store.slides()).find((slide) => slide.slideId === slideId);
    if (!found) throw new HistoloopError('not-found', `this project has no slide ${slideId}; add it first`);
    return found;
  }

  /** Two requests share one opening; a failed one is forgotten so that a slide that comes back can be opened again. */
  function slideOf(found: SlideRow): Promise<Slide> {
    const known = open.get(found.slideId);
    if (known) return known;
    const opening = openSlide(pathOf(found)).then((slide) => {
      if (slide.info.widthPx === found.widthPx && slide.info.heightPx === found.heightPx) return slide;
      void slide.close();
      const message = `${found.path} is not the slide that was added (${found.widthPx}×${found.heightPx} px then, ${slide.info.widthPx}×${slide.info.heightPx} now); put the old file back or add this one anew`;
      throw new HistoloopError('conflict', message);
    });
    open.set(found.slideId, opening);
    opening.catch(() => open.delete(found.slideId));
    return opening;
  }

  async function summaryOf(found: SlideRow): Promise<SlideSummary> {
    const exists = await stat(pathOf(found)).catch(() => null);
    const problem = exists ? null : `${found.path} is not there; connect its disk or put the file back`;
    return { slideId: found.slideId, name: found.name, problem };
  }

  return {
    row,
    summaries: async () => Promise.all((await store.slides()).map(summaryOf)),
    async open(slideId) {
      const found = await row(slideId);
      const slide = await slideOf(found);
      const um = found.userPixelSizeUm;
      const info: SlideInfo =
        um === null ? slide.info : { ...slide.info, pixelSize: { xUm: um, yUm: um, source: 'user', warning: null } };
      return { row: found, slide, info };
    },
    async add(path) {
      const slide = await openSlide(path);
      try {
        const sha256 = await slideHash(path);
        const known = (await store.slides()).find((entry) => entry.sha256 === sha256);
        if (known) return known;
        const inside = relative(store.folder, path);
        return await store.addSlide({
          slideId: sha256.slice(0, 16),
          name: basename(path),
          path: inside.startsWith('..') || isAbsolute(inside) ? path : inside,
          sha256,
          widthPx: slide.info.widthPx,
          heightPx: slide.info.heightPx,
          maskDownsample: chooseMaskDownsample(slide.info),
        });
      } finally {
        await slide.close();
      }
    },
    async tile(slideId, [level, column, rowIndex], signal) {
      const slide = await (open.get(slideId) ?? slideOf(await row(slideId)));
      return slide.tile(level, column, rowIndex, signal);
    },
    async close() {
      const slides = await Promise.allSettled(open.values());
      open.clear();
      for (const slide of slides) if (slide.status === 'fulfilled') await slide.value.close();
    },
  };
}
