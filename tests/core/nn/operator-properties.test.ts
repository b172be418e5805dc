/** Every operator's gradient agrees with differences over random shapes and attributes, and every operator has such cases. */
import { describe, expect, it } from 'vitest';
import { isUpgraded, UPGRADED } from '../../../src/core/nn/upgrade.ts';
import { isOp, OPS } from '../../../src/core/nn/verify.ts';
import { caseLabel, operatorKey } from '../../fixtures/operator-case.ts';
import { EXEMPT, OPERATOR_CASES } from '../../fixtures/operator-cases.ts';
import { checkDifferences } from './operator-properties.ts';

describe('whatever its shapes and attributes, the gradient agrees with differences of', () => {
  for (const one of OPERATOR_CASES) it(caseLabel(one), () => checkDifferences(one));
});

describe('the list of property cases', () => {
  it('knows every operator, or says why not', () => {
    const covered = new Set([...OPERATOR_CASES.map(operatorKey), ...Object.keys(EXEMPT)]);
    expect([...Object.keys(OPS), ...UPGRADED].filter((op) => !covered.has(op))).toEqual([]);
  });

  it('exempts nothing that has cases or does not exist', () => {
    const cases = new Set(OPERATOR_CASES.map(operatorKey));
    expect(Object.keys(EXEMPT).filter((op) => cases.has(op) || !(isOp(op) || isUpgraded(op)))).toEqual([]);
  });
});
