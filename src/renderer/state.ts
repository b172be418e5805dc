/**
 * What this window shows and holds in hand: tool, class, looks, saving. Lives outside React; server data does not belong here.
 * The one door to zustand.
 */
import { useStore } from 'zustand';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { BACKGROUND } from '../core/label.ts';

export const TOOLS = ['pan', 'brush', 'eraser', 'lasso', 'accept'] as const;
export type ToolName = (typeof TOOLS)[number];

export const PANELS = ['correct', 'history', 'predict', 'train', 'models', 'export', 'slides', 'engine'] as const;
export type PanelName = (typeof PANELS)[number];

/** What the eraser leaves behind: a person's word «this is background», or nothing, so that the model speaks again. */
export type EraserMeaning = 'background' | 'model';

/** What the mask is compared with: the prediction without corrections, or an older prediction layer. */
export type CompareWith = 'uncorrected' | number;

export interface Saving {
  /** Edits not yet acknowledged, the one on its way included. */
  readonly pending: number;
  /** Why edits wait, in a sentence; null while all goes well. */
  readonly trouble: string | null;
  readonly savedAt: number | null;
}

/** The visible part of the slide, for readouts and for «predict this view». Level-0 pixels. */
export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Screen pixels per level-0 pixel. */
  readonly zoom: number;
  readonly rotation: number;
  readonly flipped: boolean;
}

/** What lies under the pointer: level-0 pixels and the bytes of both layers as shown; null beyond the slide. */
export interface PointerSpot {
  readonly x: number;
  readonly y: number;
  readonly human: number;
  readonly predicted: number;
}

export interface ViewState {
  readonly slideId: string | null;
  readonly tool: ToolName;
  readonly classId: number;
  readonly eraserMeaning: EraserMeaning;
  /** Brush diameter in screen pixels while it follows the zoom. */
  readonly brushScreenPx: number;
  /** Brush diameter in level-0 pixels where the user fixed it to the tissue; null: it follows the zoom. */
  readonly brushSlidePx: number | null;
  readonly fill: boolean;
  readonly opacity: number;
  readonly maskHidden: boolean;
  readonly hiddenClasses: ReadonlySet<number>;
  readonly showOrigin: boolean;
  /** The prediction layer on screen: the newest, a chosen one, or none. */
  readonly prediction: 'newest' | 'none' | number;
  readonly compareWith: CompareWith;
  readonly showingBefore: boolean;
  readonly panel: PanelName;
  readonly cheatSheetOpen: boolean;
  readonly minimap: boolean;
  readonly saving: Saving;
  readonly connected: boolean;
  readonly viewport: Viewport | null;
  readonly pointer: PointerSpot | null;
  /** Mask tiles still to come for the present view. */
  readonly maskTilesMissing: number;
  /** Picture tiles of the open slide that could not be read. */
  readonly tilesUnreadable: number;
  readonly maskPainter: 'webgl2' | 'canvas2d' | null;
}

export type ViewStore = StoreApi<ViewState>;

const MIN_BRUSH_PX = 1;
const MAX_BRUSH_PX = 4096;
const SIZE_STEP = 1.2;

export const INITIAL_VIEW: ViewState = {
  slideId: null,
  tool: 'pan',
  classId: BACKGROUND + 1,
  eraserMeaning: 'background',
  brushScreenPx: 28,
  brushSlidePx: null,
  fill: true,
  opacity: 0.45,
  maskHidden: false,
  hiddenClasses: new Set(),
  showOrigin: false,
  prediction: 'newest',
  compareWith: 'uncorrected',
  showingBefore: false,
  panel: 'correct',
  cheatSheetOpen: false,
  minimap: true,
  saving: { pending: 0, trouble: null, savedAt: null },
  connected: true,
  viewport: null,
  pointer: null,
  maskTilesMissing: 0,
  tilesUnreadable: 0,
  maskPainter: null,
};

export function createViewStore(initial: Partial<ViewState> = {}): ViewStore {
  return createStore<ViewState>(() => ({ ...INITIAL_VIEW, ...initial }));
}

export function useView<T>(store: ViewStore, select: (state: ViewState) => T): T {
  return useStore(store, select);
}

/** Brush diameter in level-0 pixels at the present zoom (screen pixels per level-0 pixel). */
export function brushDiameterPx(state: ViewState, zoom: number): number {
  return state.brushSlidePx ?? state.brushScreenPx / zoom;
}

/** One notch larger (+1) or smaller (-1); at least one pixel of change, within 1…4096 px. */
export function resizeBrush(state: ViewState, notches: number): Partial<ViewState> {
  const factor = SIZE_STEP ** notches;
  if (state.brushSlidePx !== null) return { brushSlidePx: clampBrush(state.brushSlidePx * factor) };
  return { brushScreenPx: clampBrush(state.brushScreenPx * factor) };
}

/** Switches between a brush that follows the zoom and one fixed to the tissue, without changing its size now. */
export function fixBrush(state: ViewState, fixed: boolean): Partial<ViewState> {
  const zoom = state.viewport?.zoom ?? 1;
  if (fixed) return { brushSlidePx: clampBrush(state.brushScreenPx / zoom) };
  return state.brushSlidePx === null
    ? {}
    : { brushSlidePx: null, brushScreenPx: clampBrush(state.brushSlidePx * zoom) };
}

function clampBrush(sizePx: number): number {
  return Math.min(MAX_BRUSH_PX, Math.max(MIN_BRUSH_PX, sizePx));
}

export function toggleClass(state: ViewState, classId: number): Partial<ViewState> {
  const hiddenClasses = new Set(state.hiddenClasses);
  if (!hiddenClasses.delete(classId)) hiddenClasses.add(classId);
  return { hiddenClasses };
}
