/** The slow truth of every operator: one table, complete by type. Used as oracle in tests and to fold constants. */
import { AXES } from './reference-axes.ts';
import { ELEMENTWISE } from './reference-elementwise.ts';
import { LAYERS } from './reference-layers.ts';
import type { Kernel } from './reference-values.ts';
import type { Op } from './verify.ts';

export const KERNELS: { readonly [K in Op]: Kernel } = { ...ELEMENTWISE, ...AXES, ...LAYERS };
