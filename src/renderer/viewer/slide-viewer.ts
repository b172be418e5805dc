/**
 * Shows the picture of a slide: pan, zoom, rotation, flip, minimap. The only door to OpenSeadragon; nobody else sees its types.
 * It draws no masks and knows no tools: it tells others the map from slide to screen and when a frame was drawn.
 */
import OpenSeadragon from 'openseadragon';
import { assert } from '../../core/errors.ts';
import type { Point, Rect } from '../../core/geometry.ts';
import type { SlideInfo } from '../../core/slide.ts';
import { type Affine, affineThrough, mirror, scaleOf } from './affine.ts';
import { hasHardwareWebgl } from './graphics.ts';
import { slideSource, type TileUrl } from './slide-source.ts';

export interface SlideViewerEvents {
  /** After every frame that OpenSeadragon drew, in the same animation frame. */
  onFrame(): void;
  /** A picture tile could not be loaded. */
  onTileFailed(): void;
}

export interface SlideViewer {
  open(info: SlideInfo, tileUrl: TileUrl): void;
  /** Marks laid over the picture go in here: below the minimap, moving with nothing. */
  readonly surface: HTMLElement;
  /** From level-0 pixels to CSS pixels of the container; null while no slide is open. */
  map(): Affine | null;
  rotation(): number;
  flipped(): boolean;
  /** Whether dragging with the main button moves the slide. */
  setDragPans(pans: boolean): void;
  showMinimap(shown: boolean): void;
  /** Zooms by a factor about the middle of the view. */
  zoomBy(factor: number): void;
  /** Sets screen pixels per level-0 pixel. */
  zoomTo(zoom: number): void;
  panByPixels(dx: number, dy: number): void;
  fit(): void;
  showRect(rect: Rect): void;
  rotateBy(degrees: number): void;
  flip(): void;
  close(): void;
}

/** How far beyond one screen pixel per slide pixel one may zoom in. */
const MAX_MAGNIFICATION = 40;

function osdOptions(container: HTMLElement): OpenSeadragon.Options {
  const mouse = { clickToZoom: false, dblClickToZoom: false, flickEnabled: true, dragToPan: true };
  return {
    element: container,
    drawer: hasHardwareWebgl() ? ['webgl', 'canvas'] : 'canvas',
    showNavigationControl: false,
    showNavigator: true,
    navigatorPosition: 'TOP_RIGHT',
    navigatorSizeRatio: 0.16,
    navigatorBackground: '#0b0d10',
    navigatorBorderColor: '#3a424d',
    navigatorDisplayRegionColor: '#8fc7ff',
    navigatorAutoFade: false,
    navigatorOpacity: 1,
    keyboardNavEnabled: false,
    tabIndex: '' as unknown as number,
    gestureSettingsMouse: mouse,
    gestureSettingsPen: mouse,
    gestureSettingsTouch: { ...mouse, pinchToZoom: true, pinchRotate: false },
    animationTime: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 0.25,
    springStiffness: 9,
    blendTime: 0,
    zoomPerScroll: 1.25,
    maxZoomPixelRatio: MAX_MAGNIFICATION,
    minZoomImageRatio: 0.5,
    visibilityRatio: 0.2,
    imageSmoothingEnabled: true,
    imageLoaderLimit: 8,
    maxImageCacheCount: 400,
    silenceMultiImageWarnings: true,
    crossOriginPolicy: false,
  };
}

/** Mounts a viewer in an element that has a size. */
export function createSlideViewer(container: HTMLElement, events: SlideViewerEvents): SlideViewer {
  const osd = OpenSeadragon(osdOptions(container));
  osd.addHandler('update-viewport', () => events.onFrame());
  osd.addHandler('tile-load-failed', () => events.onTileFailed());
  const image = () => (osd.isOpen() && osd.world.getItemCount() > 0 ? osd.world.getItemAt(0) : null);

  function map(): Affine | null {
    const item = image();
    if (item === null) return null;
    const { x: width } = item.getContentSize();
    const at = (x: number, y: number): Point => osd.viewport.pixelFromPoint(new OpenSeadragon.Point(x, y), true);
    const unit = affineThrough(at(0, 0), at(1, 0), at(0, 1));
    const toSlide = {
      a: unit.a / width,
      b: unit.b / width,
      c: unit.c / width,
      d: unit.d / width,
      e: unit.e,
      f: unit.f,
    };
    return osd.viewport.getFlip() ? mirror(toSlide, container.clientWidth) : toSlide;
  }

  function zoomTo(zoom: number) {
    const now = map();
    if (now !== null) osd.viewport.zoomBy((zoom / scaleOf(now)) * settledRatio(osd.viewport)).applyConstraints();
  }

  return {
    surface: osd.canvas as HTMLElement,
    open: (info, tileUrl) => openSource(osd, info, tileUrl),
    map,
    rotation: () => osd.viewport?.getRotation(true) ?? 0,
    flipped: () => osd.viewport?.getFlip() ?? false,
    setDragPans(pans) {
      mouseSettings(osd).dragToPan = pans;
    },
    showMinimap(shown) {
      const element = osd.navigator?.element as HTMLElement | undefined;
      if (element) element.style.visibility = shown ? 'visible' : 'hidden';
    },
    zoomBy: (factor) => image() && osd.viewport.zoomBy(factor).applyConstraints(),
    zoomTo,
    panByPixels: (dx, dy) => image() && panByPixels(osd, dx, dy),
    fit: () => image() && osd.viewport.goHome(),
    showRect: (rect) =>
      image() && osd.viewport.fitBounds(osd.viewport.imageToViewportRectangle(rect.x, rect.y, rect.width, rect.height)),
    rotateBy: (degrees) => image() && osd.viewport.setRotation(Math.round(osd.viewport.getRotation() + degrees)),
    flip: () => image() && osd.viewport.toggleFlip(),
    close: () => osd.destroy(),
  };
}

/** The zoom still animates towards its target; factors count from the target. */
function settledRatio(viewport: OpenSeadragon.Viewport): number {
  return viewport.getZoom(true) / viewport.getZoom(false);
}

function mouseSettings(osd: OpenSeadragon.Viewer): OpenSeadragon.GestureSettings {
  const settings = (osd as unknown as { gestureSettingsMouse?: OpenSeadragon.GestureSettings }).gestureSettingsMouse;
  assert(settings !== undefined, 'OpenSeadragon has no mouse settings');
  return settings;
}

function openSource(osd: OpenSeadragon.Viewer, info: SlideInfo, tileUrl: TileUrl): void {
  osd.open(slideSource(info, tileUrl) as unknown as OpenSeadragon.TileSourceSpecifier);
}

function panByPixels(osd: OpenSeadragon.Viewer, dx: number, dy: number): void {
  const sign = osd.viewport.getFlip() ? -1 : 1;
  const delta = new OpenSeadragon.Point(dx * sign, dy);
  osd.viewport.panBy(osd.viewport.deltaPointsFromPixels(delta)).applyConstraints();
}
