/** Layers: onnxruntime gives the reference's results and gradients. */
import { describe, it } from 'vitest';
import { caseLabel } from '../../fixtures/operator-case.ts';
import { LAYER_CASES } from '../../fixtures/operator-cases-layers.ts';
import { checkOnRuntime } from './operator-runtime.ts';

describe('whatever its shapes and attributes, onnxruntime agrees with the reference on', () => {
  for (const one of LAYER_CASES) it(caseLabel(one), () => checkOnRuntime(one));
});
