/** Activations spelled in simpler operators; those of `com.microsoft` come from optimised exports. */
import { floatOf, stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import { finish, type Upgrade } from './upgrade-rule.ts';

/** An activation as the product of its input and a gate. */
function gated(gate: (g: GraphBuilder, x: string, node: Node) => string): Upgrade {
  return (g, node) => {
    const x = node.inputs[0];
    finish(g, node, { op: 'Mul', inputs: [x, gate(g, x, node)] });
  };
}

/** An input and a bias, which may be left out, before an activation. */
function biased(gate: (g: GraphBuilder, x: string) => string): Upgrade {
  return (g, node) => {
    const [input, bias = ''] = node.inputs;
    const x = bias === '' ? input : g.add(input, bias);
    finish(g, node, { op: 'Mul', inputs: [x, gate(g, x)] });
  };
}

/** The share of a normal distribution that lies below x. */
function normalShare(g: GraphBuilder, x: string): string {
  return g.scale(g.add(g.op('Erf', [g.scale(x, Math.SQRT1_2)]), g.scalar(1)), 0.5);
}

/** Nearly the same by tanh: Hendrycks & Gimpel 2016, section 2. */
function nearNormalShare(g: GraphBuilder, x: string): string {
  const cubed = g.add(g.scale(g.mul(x, x), 0.044715), g.scalar(1));
  const bent = g.op('Tanh', [g.mul(g.scale(x, Math.sqrt(2 / Math.PI)), cubed)]);
  return g.scale(g.add(bent, g.scalar(1)), 0.5);
}

/** By Clip, whose limits let gradients pass: at ±3 PyTorch's slope is that of the parabola between them. */
function hardGate(g: GraphBuilder, x: string): string {
  return g.scale(g.op('Clip', [g.add(x, g.scalar(3)), g.scalar(0), g.scalar(6)]), 1 / 6);
}

const gelu = gated((g, x, node) =>
  stringOf(node.attributes, 'approximate', 'none') === 'tanh' ? nearNormalShare(g, x) : normalShare(g, x),
);

const celu: Upgrade = (g, node) => {
  const alpha = floatOf(node.attributes, 'alpha', 1);
  const unit = g.op('Elu', [g.scale(node.inputs[0], 1 / alpha)]);
  finish(g, node, { op: 'Mul', inputs: [unit, g.scalar(alpha)] });
};

/** Constants of Klambauer et al. 2017, as ONNX gives them. */
const selu: Upgrade = (g, node) => {
  const alpha = floatOf(node.attributes, 'alpha', 1.6732632423543772);
  const gamma = floatOf(node.attributes, 'gamma', 1.0507009873554805);
  finish(g, node, { op: 'Mul', inputs: [g.op('Elu', [node.inputs[0]], { alpha }), g.scalar(gamma)] });
};

export const ACTIVATION_UPGRADES: Readonly<Record<string, Upgrade>> = {
  Celu: celu,
  Gelu: gelu,
  HardSwish: gated(hardGate),
  Mish: gated((g, x) => g.op('Tanh', [g.op('Softplus', [x])])),
  Selu: selu,
  ThresholdedRelu: gated((g, x, node) =>
    g.op('Cast', [g.op('Greater', [x, g.scalar(floatOf(node.attributes, 'alpha', 1))])], { to: 1 }),
  ),
  'com.microsoft.BiasGelu': biased(normalShare),
  'com.microsoft.FastGelu': biased(nearNormalShare),
  'com.microsoft.Gelu': gelu,
  'com.microsoft.QuickGelu': gated((g, x, node) =>
    g.op('Sigmoid', [g.scale(x, floatOf(node.attributes, 'alpha', 1.702))]),
  ),
};
