/** The passes that every training step goes through, in order. A new one is a line here. */
import { blockLayout } from './blocked-layout.ts';
import { dropUnused } from './drop-unused.ts';
import type { Lowering } from './grad-rule.ts';
import type { GraphPass } from './graph-pass.ts';

/** What a pass may need to know of the step that it rewrites. */
export interface PassRequest {
  readonly lowering: Lowering;
}

export function passesOf({ lowering }: PassRequest): readonly GraphPass[] {
  const blocked = lowering.blocked === undefined ? [] : [blockLayout(lowering.blocked), dropUnused];
  return [dropUnused, ...blocked];
}
