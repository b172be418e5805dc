/** Mounts the whole window over a workstation in memory, and moves its pointer, for tests. */
import { createRoot } from 'react-dom/client';
import { expect, vi } from 'vitest';
import { page } from 'vitest/browser';
import { App } from '../../src/renderer/App.tsx';
import type { Session } from '../../src/renderer/session.ts';
import { createSession } from '../../src/renderer/session.ts';
import type { ViewState } from '../../src/renderer/state.ts';
import { apply } from '../../src/renderer/viewer/affine.ts';
import { createFakeWorkstation, type FakeOptions, type FakeWorkstation } from './fake-workstation.ts';

export interface MountedWindow {
  readonly fake: FakeWorkstation;
  readonly session: Session;
  readonly stage: HTMLElement;
  key(key: string, more?: KeyboardEventInit): void;
  /** Drags from point to point, in level-0 pixels. */
  drag(points: readonly (readonly [number, number])[], more?: PointerEventInit): void;
  pointer(type: string, at: readonly [number, number], more?: PointerEventInit): void;
  /** RGBA of the mask canvas at a level-0 point. */
  maskPixel(at: readonly [number, number]): readonly number[];
  /** The whole mask canvas as drawn. */
  maskPicture(): Uint8ClampedArray;
  /** Waits until the view stands and its mask is whole. */
  still(): Promise<void>;
  /** Next animation frames. */
  frames(): Promise<void>;
  unmount(): void;
}

/** Zoom 1 unless told: the level-0 pixels of a test are screen pixels, offset. */
export async function mountWindow(options: FakeOptions = {}, initial: Partial<ViewState> = {}): Promise<MountedWindow> {
  await page.viewport(1280, 800);
  const fake = createFakeWorkstation(options);
  const session = createSession(fake, initial);
  const root = document.createElement('div');
  root.id = 'root';
  document.body.replaceChildren(root);
  const react = createRoot(root);
  react.render(<App session={session} />);
  const stage = await vi.waitFor(() => {
    const element = document.querySelector<HTMLElement>('[data-testid="stage"]');
    expect(element).not.toBeNull();
    return element!;
  }, 10_000);
  await vi.waitFor(() => expect(session.view.getState().viewport).not.toBeNull(), 10_000);
  await stillView(session);
  session.stage()?.viewer.zoomTo(1);
  await stillView(session);
  return {
    fake,
    session,
    stage,
    unmount: () => react.unmount(),
    frames,
    still: () => stillView(session),
    ...handsOn(session, stage),
  };
}

function handsOn(session: Session, stage: HTMLElement) {
  const toScreen = ([x, y]: readonly [number, number]) => apply(session.stage()!.viewer.map()!, { x, y });

  function pointer(type: string, at: readonly [number, number], more: PointerEventInit = {}) {
    const { x, y } = toScreen(at);
    const box = stage.getBoundingClientRect();
    const target = stage.querySelector('.openseadragon-canvas') ?? stage;
    const init = { clientX: box.left + x, clientY: box.top + y, pointerId: 77, pointerType: 'mouse', isPrimary: true };
    const buttons = type === 'pointerup' ? 0 : 1;
    target.dispatchEvent(
      new PointerEvent(type, { bubbles: true, cancelable: true, button: 0, buttons, ...init, ...more }),
    );
  }

  return {
    pointer,
    drag(points: readonly (readonly [number, number])[], more: PointerEventInit = {}) {
      pointer('pointerdown', points[0]!, more);
      for (const point of points.slice(1)) pointer('pointermove', point, more);
      pointer('pointerup', points[points.length - 1]!, more);
    },
    key(key: string, more: KeyboardEventInit = {}) {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
      target.dispatchEvent(new KeyboardEvent('keyup', { key, bubbles: true, cancelable: true, ...more }));
    },
    maskPicture() {
      const canvas = stage.querySelector<HTMLCanvasElement>('.mask-canvas canvas')!;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')!;
      copy.drawImage(canvas, 0, 0);
      return copy.getImageData(0, 0, canvas.width, canvas.height).data;
    },
    maskPixel(at: readonly [number, number]) {
      const canvas = stage.querySelector<HTMLCanvasElement>('.mask-canvas canvas')!;
      const { x, y } = toScreen(at);
      const ratio = window.devicePixelRatio;
      const copy = document.createElement('canvas').getContext('2d')!;
      copy.drawImage(canvas, -Math.floor(x * ratio), -Math.floor(y * ratio));
      return [...copy.getImageData(0, 0, 1, 1).data];
    },
  };
}

export async function frames(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}

/** Waits until the view no longer moves and its mask has come. */
async function stillView(session: Session): Promise<void> {
  let before = '';
  await vi.waitFor(async () => {
    await frames();
    const { viewport, maskTilesMissing } = session.view.getState();
    const now = JSON.stringify(viewport);
    const still = now === before && maskTilesMissing === 0;
    before = now;
    expect(still).toBe(true);
  }, 10_000);
}
