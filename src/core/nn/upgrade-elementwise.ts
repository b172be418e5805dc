/** Upgrades of operators that look at one element at a time. */
import { floatOf, intOf } from './attributes.ts';
import { codeOfType } from './onnx-tensor.ts';
import { tensorOf } from './tensor.ts';
import { ACTIVATION_UPGRADES } from './upgrade-activations.ts';
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

const mean: Upgrade = (g, node) => {
  const sum = node.inputs.reduce((a, b) => g.add(a, b));
  finish(g, node, { op: 'Mul', inputs: [sum, g.scalar(1 / node.inputs.length)] });
};

const FLOAT32 = 1;
/** float16, float64 and bfloat16: a graph of ours computes in float32 throughout. */
const OTHER_FLOATS: readonly number[] = [10, 11, 16];

const cast: Upgrade = (g, node) => {
  const wanted = intOf(node.attributes, 'to', FLOAT32);
  const to = OTHER_FLOATS.includes(wanted) ? FLOAT32 : wanted;
  if (codeOfType(g.type(node.inputs[0])) === to) finish(g, node, { op: 'Identity', inputs: [node.inputs[0]] });
  else finish(g, node, { op: 'Cast', inputs: [node.inputs[0]], attributes: { to } });
};

const castLike: Upgrade = (g, node, opset) => {
  const to = { kind: 'int', value: codeOfType(g.type(node.inputs[1])) } as const;
  cast(g, { ...node, inputs: node.inputs.slice(0, 1), attributes: { to } }, opset);
};

/** Always without chance, also where the file says `training_mode`: a step must come out the same when it is repeated. */
const dropout: Upgrade = (g, node) => {
  finish(g, node, { op: 'Identity', inputs: [node.inputs[0]] });
  const mask = node.outputs[1] ?? '';
  if (mask === '') return;
  const dims = g.ints(g.dims(node.inputs[0]));
  const kept = g.op('ConstantOfShape', [dims], { value: tensorOf('bool', [1], [1]) });
  finish(g, { ...node, outputs: [mask] }, { op: 'Identity', inputs: [kept] });
};

export const ELEMENTWISE_UPGRADES: Readonly<Record<string, Upgrade>> = {
  ...ACTIVATION_UPGRADES,
  Cast: cast,
  CastLike: castLike,
  Clip: clip,
  Dropout: dropout,
  Max: chain('Max'),
  Mean: mean,
  Min: chain('Min'),
  Reciprocal: (g, node) => finish(g, node, { op: 'Div', inputs: [g.scalar(1), node.inputs[0]] }),
  Sum: chain('Add'),
};
