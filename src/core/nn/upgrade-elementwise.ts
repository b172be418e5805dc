/** Upgrades of operators that look at one element at a time. */
import { floatOf, stringOf } from './attributes.ts';
import { asItIs, finish, type Upgrade, withAttributes } from './upgrade-rule.ts';

const clip: Upgrade = (g, node, opset) => {
  if (opset >= 11) return asItIs(g, node);
  const limit = (name: string) =>
    Object.hasOwn(node.attributes, name) ? g.scalar(floatOf(node.attributes, name, 0)) : '';
  asItIs(g, withAttributes(node, ['min', 'max'], [node.inputs[0], limit('min'), limit('max')]));
};

/** Operators of any number of inputs, two at a time. */
function chain(op: 'Add' | 'Max' | 'Min'): Upgrade {
  return (g, node) => {
    const last = node.inputs.at(-1)!;
    if (node.inputs.length < 2) return finish(g, node, { op: 'Identity', inputs: [last] });
    const before = node.inputs.slice(0, -1).reduce((a, b) => g.op(op, [a, b]));
    finish(g, node, { op, inputs: [before, last] });
  };
}

const gelu: Upgrade = (g, node) => {
  const [x] = node.inputs;
  if (stringOf(node.attributes, 'approximate', 'none') !== 'none') return asItIs(g, node);
  const phi = g.scale(g.add(g.op('Erf', [g.scale(x, Math.SQRT1_2)]), g.scalar(1)), 0.5);
  finish(g, node, { op: 'Mul', inputs: [x, phi] });
};

export const ELEMENTWISE_UPGRADES: Readonly<Record<string, Upgrade>> = {
  Clip: clip,
  Dropout: (g, node) => finish(g, node, { op: 'Identity', inputs: [node.inputs[0]] }),
  Gelu: gelu,
  HardSwish: (g, node) => {
    const gate = g.op('HardSigmoid', [node.inputs[0]], { alpha: 1 / 6, beta: 0.5 });
    finish(g, node, { op: 'Mul', inputs: [node.inputs[0], gate] });
  },
  Max: chain('Max'),
  Min: chain('Min'),
  Reciprocal: (g, node) => finish(g, node, { op: 'Div', inputs: [g.scalar(1), node.inputs[0]] }),
  Sum: chain('Add'),
};
