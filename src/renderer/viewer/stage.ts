/**
 * The slide on screen with its mask and the pointer's tools: joins picture, mask overlay, layers and gestures.
 * No React; the window mounts one and gives it what changes.
 */
import type { EditInput, EditResult, SlideDetails, WorkstationEvent } from '../../core/contract.ts';
import type { Point } from '../../core/geometry.ts';
import { BACKGROUND, type LabelClass, NOTHING } from '../../core/label.ts';
import type { Workstation } from '../api.ts';
import type { PendingRequest } from '../edits.ts';
import { brushDiameterPx, type ViewState, type ViewStore } from '../state.ts';
import type { Finished, Gesture, GestureSettings, Progress, Sample } from '../tools/tool.ts';
import { GESTURES } from '../tools/toolbox.ts';
import { apply, invert, scaleOf, visibleRect } from './affine.ts';
import { createLayerPool, type LayerPool } from './layer-pool.ts';
import { MaskOverlay } from './mask-overlay.ts';
import { createPainter } from './painters.ts';
import { attachPointer, type PointerHost } from './pointer-input.ts';
import { createPointerMarks } from './pointer-marks.ts';
import { shownLayers } from './shown-layers.ts';
import { createSlideViewer, type SlideViewer } from './slide-viewer.ts';
import { turnWheel } from './wheel.ts';

export interface StageHost {
  readonly workstation: Workstation;
  readonly view: ViewStore;
  /** A gesture is finished; it is drawn already and waits under this request. */
  submit(input: EditInput): void;
  /** Edits that are not acknowledged yet, of any slide. */
  waiting(): readonly PendingRequest[];
  onError(error: unknown): void;
}

export interface Stage {
  readonly viewer: SlideViewer;
  /** Shows a slide, or takes over what changed about the one shown. */
  show(details: SlideDetails, classes: readonly LabelClass[]): void;
  acknowledge(request: PendingRequest, result: EditResult): void;
  refuse(request: PendingRequest): void;
  maskChanged(event: Extract<WorkstationEvent, { kind: 'mask.changed' }>): void;
  /** Asks again what the layers hold, after events may have been missed. */
  refresh(): void;
  /** True where a gesture was under way. */
  cancelGesture(): boolean;
  /** While held, dragging moves the slide whatever the tool. */
  holdPan(held: boolean): void;
  dispose(): void;
}

interface OpenSlide {
  details: SlideDetails;
  classes: readonly LabelClass[];
  readonly overlay: MaskOverlay;
  readonly pool: LayerPool;
}

const MARK_COLOR = '#ffffff';
const ERASE_COLOR = '#ff8f8f';

export function createStage(container: HTMLElement, host: StageHost): Stage {
  const { view } = host;
  const maskCanvas = document.createElement('div');
  maskCanvas.className = 'mask-canvas';
  const marks = createPointerMarks();
  let open: OpenSlide | null = null;
  let frame = 0;
  let panHeld = false;
  let hovered: Point | null = null;
  let erasing = false;

  const viewer = createSlideViewer(container, { onFrame: draw, onTileFailed: () => undefined });
  container.append(maskCanvas, marks.element);

  function requestDraw() {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  function draw() {
    const map = viewer.map();
    if (map === null || open === null) return;
    const { clientWidth: width, clientHeight: height } = container;
    const ratio = window.devicePixelRatio || 1;
    const missing = open.overlay.draw(map, { width, height, ratio });
    marks.place(map);
    drawRing();
    const rect = visibleRect(map, width, height);
    const viewport = { ...rect, zoom: scaleOf(map), rotation: viewer.rotation(), flipped: viewer.flipped() };
    const before = view.getState();
    if (before.maskTilesMissing !== missing) view.setState({ maskTilesMissing: missing });
    if (JSON.stringify(before.viewport) !== JSON.stringify(viewport)) view.setState({ viewport });
  }

  function drawRing() {
    const state = view.getState();
    const map = viewer.map();
    const hasRing = ringTools.has(state.tool) && !panHeld && map !== null;
    const zoom = map === null ? 1 : scaleOf(map);
    const color = erasing || state.tool === 'eraser' ? ERASE_COLOR : MARK_COLOR;
    marks.ring(hasRing ? hovered : null, brushDiameterPx(state, zoom) * zoom, color);
  }

  function toSlide(point: Point): Point | null {
    const map = viewer.map();
    return map === null || open === null ? null : apply(invert(map), point);
  }

  function settings(erase: boolean): GestureSettings {
    const state = view.getState();
    const map = viewer.map();
    const zoom = map === null ? 1 : scaleOf(map);
    const shown = open && shownLayers(state, open.details.predictions);
    return {
      label: state.classId,
      eraserLabel: state.eraserMeaning === 'background' ? BACKGROUND : NOTHING,
      erasing: erase,
      brushRadius: brushDiameterPx(state, zoom) / 2,
      slidePxPerScreenPx: 1 / zoom,
      predictionLayerId: shown?.prediction?.layerId ?? null,
    };
  }

  function showProgress({ piece, outline }: Progress) {
    if (piece !== null) guarded(() => open?.overlay.drawPiece(piece));
    if (outline !== null) marks.outline(outline, erasing ? ERASE_COLOR : MARK_COLOR);
    requestDraw();
  }

  function guarded(work: () => void) {
    try {
      work();
    } catch (error) {
      host.onError(error);
    }
  }

  function finish(finished: Finished | null) {
    marks.outline(null, MARK_COLOR);
    const slide = open;
    if (slide === null || finished === null) return abandon();
    const requestId = crypto.randomUUID();
    guarded(() => {
      slide.overlay.addPending(requestId, finished.operation);
      const predictionLayerId = shownLayers(view.getState(), slide.details.predictions).prediction?.layerId ?? null;
      host.submit({ slideId: slide.details.slideId, requestId, predictionLayerId, ...finished });
    });
    requestDraw();
  }

  function abandon() {
    marks.outline(null, MARK_COLOR);
    open?.overlay.dropPieces();
    requestDraw();
  }

  const pointerHost: PointerHost = {
    toSlide,
    begin(first: Sample, event: PointerEvent): Gesture | null {
      const start = panHeld ? null : GESTURES[view.getState().tool];
      if (start === null) return null;
      const { gesture, progress } = start(first, settings(event.altKey || event.ctrlKey));
      showProgress(progress);
      return gesture;
    },
    move: (gesture, samples) => showProgress(gesture.move(samples)),
    end: (gesture, samples) => finish(gesture.end(samples)),
    cancel: abandon,
    hover(point, event) {
      hovered = point;
      erasing = event !== null && (event.altKey || event.ctrlKey);
      const slide = point && toSlide(point);
      view.setState({ pointer: slide && { x: slide.x, y: slide.y } });
      drawRing();
    },
    panByPixels: (dx, dy) => viewer.panByPixels(dx, dy),
    wheel: (event) => turnWheel(view, event),
  };
  const pointer = attachPointer(container, pointerHost);

  function applyView(state: ViewState) {
    viewer.setDragPans(panHeld || GESTURES[state.tool] === null);
    viewer.showMinimap(state.minimap);
    maskCanvas.style.visibility = state.maskHidden ? 'hidden' : 'visible';
    container.dataset.tool = panHeld ? 'pan' : state.tool;
    if (open === null) return;
    open.overlay.setLook({ ...lookOf(state), classes: open.classes });
    const { prediction, humanShown } = shownLayers(state, open.details.predictions);
    open.overlay.setLayers({
      human: open.pool.layer(open.details.humanLayerId),
      prediction: prediction && open.pool.layer(prediction.layerId),
      humanShown,
    });
    requestDraw();
  }

  function openSlide(details: SlideDetails, classes: readonly LabelClass[]) {
    closeSlide();
    const { workstation } = host;
    const painter = createPainter(maskCanvas, requestDraw);
    view.setState({ maskPainter: painter.kind, viewport: null, pointer: null });
    const overlay = new MaskOverlay({ ...details.info, maskDownsample: details.maskDownsample }, painter);
    const pool = createLayerPool(workstation, {
      onChange(_layerId, column, row) {
        overlay.baseChanged(column, row);
        requestDraw();
      },
      onError: host.onError,
    });
    open = { details, classes, overlay, pool };
    for (const request of host.waiting()) restore(overlay, details.slideId, request);
    viewer.open(details.info, (level, column, row) => workstation.tileUrl(details.slideId, level, { column, row }));
  }

  function closeSlide() {
    pointer.cancel();
    open?.pool.close();
    open?.overlay.dispose();
    open = null;
  }

  const stopWatching = view.subscribe((state, before) => {
    if (concernsStage(state, before)) applyView(state);
    else if (state.brushScreenPx !== before.brushScreenPx || state.brushSlidePx !== before.brushSlidePx) drawRing();
  });
  applyView(view.getState());

  return {
    viewer,
    show(details, classes) {
      if (open?.details.slideId !== details.slideId) openSlide(details, classes);
      else Object.assign(open, { details, classes });
      applyView(view.getState());
    },
    acknowledge(request, result) {
      const slide = open;
      if (slide?.details.slideId !== request.slideId) return;
      const { humanLayerId } = slide.details;
      const arrived = slide.pool.markChanged(humanLayerId, result.history.editId, result.tiles);
      void arrived.then(() => {
        slide.overlay.removePending(request.requestId);
        requestDraw();
      });
    },
    refuse(request) {
      open?.overlay.removePending(request.requestId);
      requestDraw();
    },
    maskChanged(event) {
      if (open?.details.slideId === event.slideId)
        void open.pool.markChanged(event.layerId, event.revision, event.tiles);
    },
    refresh: () => open?.pool.refresh(),
    cancelGesture: () => pointer.cancel(),
    holdPan(held) {
      panHeld = held;
      applyView(view.getState());
      drawRing();
    },
    dispose() {
      stopWatching();
      cancelAnimationFrame(frame);
      closeSlide();
      pointer.dispose();
      viewer.close();
      maskCanvas.remove();
      marks.element.remove();
    },
  };
}

const ringTools: ReadonlySet<string> = new Set(['brush', 'eraser']);

function restore(overlay: MaskOverlay, slideId: string, request: PendingRequest): void {
  if (request.kind === 'edit' && request.slideId === slideId) overlay.addPending(request.requestId, request.operation);
}

function lookOf({ hiddenClasses, fill, opacity, showOrigin }: ViewState) {
  return { hiddenClasses, fill, opacity, showOrigin };
}

const STAGE_KEYS = [
  'tool',
  'fill',
  'opacity',
  'maskHidden',
  'hiddenClasses',
  'showOrigin',
  'prediction',
  'compareWith',
  'showingBefore',
  'minimap',
] as const satisfies readonly (keyof ViewState)[];

function concernsStage(state: ViewState, before: ViewState): boolean {
  return STAGE_KEYS.some((key) => state[key] !== before[key]);
}
