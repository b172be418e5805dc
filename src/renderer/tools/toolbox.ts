/** Which gesture each tool starts. A table that the types force to be complete; tools that only move the view start none. */
import type { ToolName } from '../state.ts';
import { startBrush } from './brush.ts';
import { startAccept, startLasso } from './lasso.ts';
import type { StartGesture } from './tool.ts';

export const GESTURES: { readonly [T in ToolName]: StartGesture | null } = {
  pan: null,
  brush: startBrush,
  eraser: (first, settings) => startBrush(first, { ...settings, erasing: true }),
  lasso: startLasso,
  accept: startAccept,
};
