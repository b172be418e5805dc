/**
 * From pointer and wheel events on the viewer to gestures in slide coordinates. Drawing takes mouse and pen; fingers always
 * move the slide. It sees events before OpenSeadragon does and keeps from it only what belongs to a gesture.
 */
import type { Point } from '../../core/geometry.ts';
import type { Gesture, Sample } from '../tools/tool.ts';

export interface PointerHost {
  /** From CSS pixels of the container to level-0 pixels; null while no slide is open. */
  toSlide(point: Point): Point | null;
  /** The gesture that begins here, or null where the tool in hand draws nothing. */
  begin(first: Sample, event: PointerEvent): Gesture | null;
  move(gesture: Gesture, samples: readonly Sample[]): void;
  end(gesture: Gesture, samples: readonly Sample[]): void;
  cancel(gesture: Gesture): void;
  /** The pointer is here (container pixels), or has left. */
  hover(point: Point | null, event: PointerEvent | null): void;
  panByPixels(dx: number, dy: number): void;
  /** A wheel turn with a modifier; true where it was used. */
  wheel(event: WheelEvent): boolean;
}

export interface PointerInput {
  /** Gives the present gesture up; true where there was one. */
  cancel(): boolean;
  dispose(): void;
}

const MIDDLE = 1;

export function attachPointer(container: HTMLElement, host: PointerHost): PointerInput {
  let active: { readonly pointerId: number; readonly gesture: Gesture } | null = null;
  let panning: { readonly pointerId: number; last: Point } | null = null;
  const listeners = new AbortController();

  const local = (event: MouseEvent): Point => {
    const box = container.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const sampleOf = (event: PointerEvent): Sample | null => {
    const point = host.toSlide(local(event));
    return point && { ...point, pressure: event.pressure };
  };
  const samplesOf = (event: PointerEvent): Sample[] => {
    const coalesced = event.getCoalescedEvents?.() ?? [];
    return (coalesced.length > 0 ? coalesced : [event]).map(sampleOf).filter((sample) => sample !== null);
  };
  const keep = (event: Event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  function down(event: PointerEvent) {
    container.focus({ preventScroll: true });
    if (event.button === MIDDLE) {
      panning = { pointerId: event.pointerId, last: local(event) };
      capture(container, event.pointerId);
      return keep(event);
    }
    if (event.button !== 0 || event.pointerType === 'touch' || active !== null) return;
    const first = sampleOf(event);
    const gesture = first && host.begin(first, event);
    if (!gesture) return;
    active = { pointerId: event.pointerId, gesture };
    capture(container, event.pointerId);
    keep(event);
  }

  function move(event: PointerEvent) {
    const point = local(event);
    host.hover(point, event);
    if (panning?.pointerId === event.pointerId) {
      host.panByPixels(panning.last.x - point.x, panning.last.y - point.y);
      panning.last = point;
      keep(event);
    } else if (active?.pointerId === event.pointerId) {
      host.move(active.gesture, samplesOf(event));
      keep(event);
    }
  }

  function up(event: PointerEvent) {
    if (panning?.pointerId === event.pointerId) {
      panning = null;
      keep(event);
    } else if (active?.pointerId === event.pointerId) {
      const { gesture } = active;
      active = null;
      const last = sampleOf(event);
      host.end(gesture, last === null ? [] : [last]);
      keep(event);
    }
  }

  function cancel(): boolean {
    panning = null;
    if (active === null) return false;
    const { gesture, pointerId } = active;
    active = null;
    if (container.hasPointerCapture(pointerId)) container.releasePointerCapture(pointerId);
    host.cancel(gesture);
    return true;
  }

  const options = { capture: true, signal: listeners.signal };
  container.addEventListener('pointerdown', down, options);
  container.addEventListener('pointermove', move, options);
  container.addEventListener('pointerup', up, options);
  container.addEventListener('pointercancel', () => void cancel(), options);
  container.addEventListener('pointerleave', (event) => event.target === container && host.hover(null, event), options);
  container.addEventListener('wheel', (event) => host.wheel(event) && keep(event), { ...options, passive: false });
  return {
    cancel,
    dispose() {
      cancel();
      listeners.abort();
    },
  };
}

/** A pointer that is gone already cannot be captured; its gesture ends like any other. */
function capture(container: HTMLElement, pointerId: number): void {
  try {
    container.setPointerCapture(pointerId);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
