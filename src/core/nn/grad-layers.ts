/** The gradients of layers, gathered from the files of each family. */
import { MATRIX_RULES } from './grad-matrix.ts';
import { NORMALISATION_RULES } from './grad-normalisation.ts';
import { POOL_RULES } from './grad-pool.ts';
import { resize } from './grad-resize.ts';
import type { Rule } from './grad-rule.ts';

export const LAYER_RULES = {
  ...MATRIX_RULES,
  ...NORMALISATION_RULES,
  ...POOL_RULES,
  Resize: resize,
} satisfies Record<string, Rule>;
