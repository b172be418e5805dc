/** What a drawn slide can do beyond any other: it knows the truth of every pixel, because it drew it. */
import type { CancelSignal } from '../../core/cancel.ts';
import type { Rect } from '../../core/geometry.ts';
import type { Slide } from '../../core/slide.ts';

export interface DrawnSlide extends Slide {
  readonly drawn: true;
  /**
   * True labels of a level-0 rectangle at `width`×`height`, row-major: 0 outside the slide, 1 Background, 2 Nucleus
   * (core/label). Errors: `bad-input`, `cancelled`.
   */
  truth(slideRect: Rect, width: number, height: number, signal?: CancelSignal): Promise<Uint8Array>;
}
