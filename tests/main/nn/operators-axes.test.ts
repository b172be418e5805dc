/** Operators on single elements and along axes: onnxruntime gives the reference's results and gradients. */
import { describe, it } from 'vitest';
import { caseLabel } from '../../fixtures/operator-case.ts';
import { AXES_CASES } from '../../fixtures/operator-cases-axes.ts';
import { ELEMENTWISE_CASES } from '../../fixtures/operator-cases-elementwise.ts';
import { checkOnRuntime } from './operator-runtime.ts';

describe('whatever its shapes and attributes, onnxruntime agrees with the reference on', () => {
  for (const one of [...ELEMENTWISE_CASES, ...AXES_CASES]) it(caseLabel(one), () => checkOnRuntime(one));
});
