/** The open slide and what follows from it. */
import type { SlideDetails } from '../../core/contract.ts';
import { useSlide } from '../queries.ts';
import { useSession, useViewState } from './session-context.ts';

export function useOpenSlide(): SlideDetails | null {
  const session = useSession();
  const slideId = useViewState((state) => state.slideId);
  return useSlide(session, slideId).data ?? null;
}

/** Micrometres per level-0 pixel, null where unknown. */
export function usePixelSize(): number | null {
  return useOpenSlide()?.info.pixelSize.xUm ?? null;
}
