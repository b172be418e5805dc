/**
 * The slide on screen with its mask and the pointer's tools: joins picture, mask overlay, layers and gestures.
 * No React; the window mounts one and gives it what changes.
 */
import type { EditInput, EditResult, SlideDetails, WorkstationEvent } from '../../core/contract.ts';
import type { Point } from '../../core/geometry.ts';
import { BACKGROUND, type LabelClass, NOTHING } from '../../core/label.ts';
import type { Workstation } from '../api.ts';
import type { PendingRequest } from '../edits.ts';
import { brushDiameterPx, type PointerSpot, type ViewState, type ViewStore } from '../state.ts';
import type { Finished, Gesture, GestureSettings, Progress, Sample } from '../tools/tool.ts';
import { GESTURES } from '../tools/toolbox.ts';
import { apply, invert, scaleOf, visibleRect } from './affine.ts';
import { createLayerPool, type LayerPool } from './layer-pool.ts';
import { MaskOverlay } from './mask-overlay.ts';
import type { Painter } from './painter.ts';
import { createPainter } from './painters.ts';
import { attachPointer, type PointerInput } from './pointer-input.ts';
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

interface OpenSlide {
  readonly details: SlideDetails;
  readonly classes: readonly LabelClass[];
  readonly painter: Painter;
  readonly overlay: MaskOverlay;
  readonly pool: LayerPool;
}

const MARK_COLOR = '#ffffff';
const ERASE_COLOR = '#ff8f8f';
const RING_TOOLS: ReadonlySet<string> = new Set(['brush', 'eraser']);

export class Stage {
  readonly viewer: SlideViewer;
  private readonly container: HTMLElement;
  private readonly host: StageHost;
  private readonly pointer: PointerInput;
  private readonly maskHolder = document.createElement('div');
  private readonly marks = createPointerMarks();
  private readonly stopWatching: () => void;
  private open: OpenSlide | null = null;
  private frame = 0;
  private panHeld = false;
  private erasing = false;
  private hovered: Point | null = null;

  constructor(container: HTMLElement, host: StageHost) {
    this.container = container;
    this.host = host;
    this.viewer = createSlideViewer(container, { onFrame: () => this.draw(), onTileFailed: () => this.tileFailed() });
    this.maskHolder.className = 'mask-canvas';
    this.viewer.surface.append(this.maskHolder, this.marks.element);
    this.pointer = attachPointer(container, {
      toSlide: (point) => this.toSlide(point),
      begin: (first, event) => this.begin(first, event),
      move: (gesture, samples) => this.showProgress(gesture.move(samples)),
      end: (gesture, samples) => this.finish(gesture.end(samples)),
      cancel: () => this.abandon(),
      hover: (point, event) => this.hover(point, event),
      panByPixels: (dx, dy) => this.viewer.panByPixels(dx, dy),
      wheel: (event) => turnWheel(host.view, event),
    });
    this.stopWatching = host.view.subscribe((state, before) => {
      if (concernsStage(state, before)) this.applyView(state);
      else if (state.brushScreenPx !== before.brushScreenPx || state.brushSlidePx !== before.brushSlidePx)
        this.drawRing();
    });
    this.applyView(host.view.getState());
  }

  /** Shows a slide, or takes over what changed about the one shown. */
  show(details: SlideDetails, classes: readonly LabelClass[]): void {
    if (this.open?.details.slideId === details.slideId) this.open = { ...this.open, details, classes };
    else this.openSlide(details, classes);
    this.applyView(this.host.view.getState());
  }

  acknowledge(request: PendingRequest, result: EditResult): void {
    const slide = this.open;
    if (slide?.details.slideId !== request.slideId) return;
    const arrived = slide.pool.markChanged(slide.details.humanLayerId, result.history.editId, result.tiles);
    void arrived.then(() => this.forget(request.requestId));
  }

  /** The gesture of a request that was refused leaves the screen. */
  refuse(request: PendingRequest): void {
    this.forget(request.requestId);
  }

  maskChanged(event: Extract<WorkstationEvent, { kind: 'mask.changed' }>): void {
    if (this.open?.details.slideId !== event.slideId) return;
    void this.open.pool.markChanged(event.layerId, event.revision, event.tiles);
  }

  /** Asks again what the layers hold, after events may have been missed. */
  refresh(): void {
    this.open?.pool.refresh();
  }

  /** Moves to where the mask is. */
  showMask(): void {
    const rect = this.open?.overlay.extent() ?? null;
    if (rect !== null) this.viewer.showRect(rect);
  }

  /** True where a gesture was under way. */
  cancelGesture(): boolean {
    return this.pointer.cancel();
  }

  /** While held, dragging moves the slide whatever the tool. */
  holdPan(held: boolean): void {
    this.panHeld = held;
    this.applyView(this.host.view.getState());
    this.drawRing();
  }

  dispose(): void {
    this.stopWatching();
    cancelAnimationFrame(this.frame);
    this.closeSlide();
    this.pointer.dispose();
    this.viewer.close();
  }

  private tileFailed(): void {
    this.host.view.setState(({ tilesUnreadable }) => ({ tilesUnreadable: tilesUnreadable + 1 }));
  }

  private openSlide(details: SlideDetails, classes: readonly LabelClass[]): void {
    this.closeSlide();
    const { workstation, view, onError, waiting } = this.host;
    const redraw = () => this.requestDraw();
    const painter = createPainter(this.maskHolder, redraw);
    const overlay = new MaskOverlay({ ...details.info, maskDownsample: details.maskDownsample }, painter);
    const onChange = (_layerId: number, column: number, row: number) => {
      overlay.baseChanged(column, row);
      redraw();
    };
    const pool = createLayerPool(workstation, { onChange, onError });
    this.open = { details, classes, painter, overlay, pool };
    view.setState({ viewport: null, pointer: null, tilesUnreadable: 0 });
    for (const request of waiting()) restore(overlay, details.slideId, request);
    this.viewer.open(details.info, (level, column, row) =>
      workstation.tileUrl(details.slideId, level, { column, row }),
    );
  }

  private closeSlide(): void {
    this.pointer.cancel();
    this.open?.pool.close();
    this.open?.overlay.dispose();
    this.open = null;
  }

  private forget(requestId: string): void {
    this.open?.overlay.removePending(requestId);
    this.requestDraw();
  }

  private applyView(state: ViewState): void {
    const { viewer, container, open, maskHolder, panHeld } = this;
    viewer.setDragPans(panHeld || GESTURES[state.tool] === null);
    viewer.showMinimap(state.minimap);
    maskHolder.style.visibility = state.maskHidden ? 'hidden' : 'visible';
    container.dataset.tool = panHeld ? 'pan' : state.tool;
    if (open === null) return;
    const { hiddenClasses, fill, opacity, showOrigin } = state;
    open.overlay.setLook({ hiddenClasses, fill, opacity, showOrigin, classes: open.classes });
    const { prediction, humanShown } = shownLayers(state, open.details.predictions);
    open.overlay.setLayers({
      human: open.pool.layer(open.details.humanLayerId),
      prediction: prediction && open.pool.layer(prediction.layerId),
      humanShown,
    });
    this.requestDraw();
  }

  private requestDraw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const map = this.viewer.map();
    if (map === null || this.open === null) return;
    const { clientWidth: width, clientHeight: height } = this.container;
    const missing = this.open.overlay.draw(map, { width, height, ratio: window.devicePixelRatio || 1 });
    this.marks.place(map);
    this.drawRing();
    const place = { rotation: this.viewer.rotation(), flipped: this.viewer.flipped() };
    const viewport = { ...visibleRect(map, width, height), zoom: scaleOf(map), ...place };
    const { view } = this.host;
    const before = view.getState();
    const maskPainter = this.open.painter.kind;
    if (before.maskTilesMissing !== missing || before.maskPainter !== maskPainter) {
      view.setState({ maskTilesMissing: missing, maskPainter });
    }
    if (JSON.stringify(before.viewport) !== JSON.stringify(viewport)) view.setState({ viewport });
  }

  private zoom(): number {
    const map = this.viewer.map();
    return map === null ? 1 : scaleOf(map);
  }

  private drawRing(): void {
    const state = this.host.view.getState();
    const shown = RING_TOOLS.has(state.tool) && !this.panHeld && this.open !== null;
    const zoom = this.zoom();
    const color = this.erasing || state.tool === 'eraser' ? ERASE_COLOR : MARK_COLOR;
    this.marks.ring(shown ? this.hovered : null, brushDiameterPx(state, zoom) * zoom, color);
  }

  private toSlide(point: Point): Point | null {
    const map = this.viewer.map();
    return map === null || this.open === null ? null : apply(invert(map), point);
  }

  private hover(point: Point | null, event: PointerEvent | null): void {
    this.hovered = point;
    this.erasing = event !== null && isErasing(event);
    this.host.view.setState({ pointer: this.spotAt(point) });
    this.drawRing();
  }

  private spotAt(point: Point | null): PointerSpot | null {
    const at = point && this.toSlide(point);
    const bytes = at && this.open?.overlay.valueAt(at.x, at.y);
    return at && bytes ? { x: at.x, y: at.y, ...bytes } : null;
  }

  private begin(first: Sample, event: PointerEvent): Gesture | null {
    const start = this.panHeld ? null : GESTURES[this.host.view.getState().tool];
    if (start === null) return null;
    const { gesture, progress } = start(first, this.settings(isErasing(event)));
    this.showProgress(progress);
    return gesture;
  }

  private settings(erasing: boolean): GestureSettings {
    const state = this.host.view.getState();
    const zoom = this.zoom();
    return {
      label: state.classId,
      eraserLabel: state.eraserMeaning === 'background' ? BACKGROUND : NOTHING,
      erasing,
      brushRadius: brushDiameterPx(state, zoom) / 2,
      slidePxPerScreenPx: 1 / zoom,
      predictionLayerId: this.predictionLayerId(),
    };
  }

  private predictionLayerId(): number | null {
    if (this.open === null) return null;
    return shownLayers(this.host.view.getState(), this.open.details.predictions).prediction?.layerId ?? null;
  }

  private showProgress({ piece, outline }: Progress): void {
    if (piece !== null) this.guarded(() => this.open?.overlay.drawPiece(piece));
    if (outline !== null) this.marks.outline(outline, this.erasing ? ERASE_COLOR : MARK_COLOR);
    this.requestDraw();
  }

  private finish(finished: Finished | null): void {
    const slide = this.open;
    this.marks.outline(null, MARK_COLOR);
    if (slide === null || finished === null) {
      this.abandon();
      return;
    }
    const requestId = crypto.randomUUID();
    const { slideId } = slide.details;
    this.guarded(() => {
      slide.overlay.addPending(requestId, finished.operation);
      this.host.submit({ slideId, requestId, predictionLayerId: this.predictionLayerId(), ...finished });
    });
    this.requestDraw();
  }

  private abandon(): void {
    this.marks.outline(null, MARK_COLOR);
    this.open?.overlay.dropPieces();
    this.requestDraw();
  }

  /** A gesture that the rasteriser refuses (too long, off the map) is told, not thrown into an event handler. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.host.onError(error);
    }
  }
}

/** Held with brush or lasso: erase. Alt as in QuPath; Ctrl where the window manager keeps Alt + drag for itself. */
function isErasing(event: PointerEvent): boolean {
  return event.altKey || event.ctrlKey;
}

function restore(overlay: MaskOverlay, slideId: string, request: PendingRequest): void {
  if (request.kind === 'edit' && request.slideId === slideId) overlay.addPending(request.requestId, request.operation);
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
