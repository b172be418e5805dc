/** Wheel turns with a modifier: Alt sizes the brush, Ctrl the mask's opacity. Without one the wheel zooms. */
import { resizeBrush, type ViewStore } from '../state.ts';

const OPACITY_STEP = 0.05;

/** True where the turn was used. */
export function turnWheel(view: ViewStore, event: WheelEvent): boolean {
  const up = (event.deltaY || event.deltaX) < 0;
  if (event.altKey) {
    view.setState(resizeBrush(view.getState(), up ? 1 : -1));
    return true;
  }
  if (event.ctrlKey || event.metaKey) {
    const opacity = view.getState().opacity + (up ? OPACITY_STEP : -OPACITY_STEP);
    view.setState({ opacity: Math.min(1, Math.max(0, Math.round(opacity * 100) / 100)) });
    return true;
  }
  return false;
}
