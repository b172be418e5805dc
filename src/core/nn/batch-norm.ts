/**
 * Batch normalisation while training: normalises by the batch's own mean and variance and moves the running averages.
 * The frozen form needs nothing from here.
 */
import { floatOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { allButChannel, perChannel, type Rule } from './grad-rule.ts';
import type { Node } from './graph.ts';
import { sizeOf } from './tensor.ts';

export interface BatchNormStep {
  /** Normalised values. */
  readonly output: string;
  /** New running mean and variance [C]. */
  readonly mean: string;
  readonly variance: string;
  /** The gradient rule of the node that makes `output`. */
  readonly rule: Rule;
}

/**
 * Adds the training form of a BatchNormalization node (Ioffe & Szegedy 2015, algorithm 1). Running averages move as
 * ONNX defines it: new = old · momentum + batch · (1 − momentum), with the population variance.
 * `output` is the name that the result must have.
 */
export function batchNormStep(g: GraphBuilder, node: Node, output: string): BatchNormStep {
  const [x, scale, bias, runningMean, runningVariance] = node.inputs;
  const rank = g.dims(x).length;
  const axes = allButChannel(rank);
  const channels = [g.dims(x)[1]];
  const mean = g.mean(x, axes);
  const centred = g.sub(x, mean);
  const variance = g.reshape(g.mean(g.mul(centred, centred), axes), channels);
  const flatMean = g.reshape(mean, channels);
  for (const value of [mean, variance, flatMean]) g.stop(value);
  g.append({
    ...node,
    inputs: [x, scale, bias, flatMean, variance],
    outputs: [output],
    attributes: { epsilon: { kind: 'float', value: floatOf(node.attributes, 'epsilon', 1e-5) } },
  });
  const momentum = floatOf(node.attributes, 'momentum', 0.9);
  const blend = (old: string, now: string) => g.add(g.scale(old, momentum), g.scale(now, 1 - momentum));
  return {
    output,
    mean: blend(runningMean, flatMean),
    variance: blend(runningVariance, variance),
    rule: batchRule(centred),
  };
}

/**
 * dX = γ/σ · (dY − mean(dY) − x̂ · mean(dY · x̂)), regrouped so that only three passes over the picture are left:
 * a·dY + b·(x − mean) + c with a, b, c per channel.
 */
function batchRule(centred: string): Rule {
  return ({ g, node, x, dy, needs }) => {
    const dims = g.dims(x[0]);
    const axes = allButChannel(dims.length);
    const count = sizeOf(dims) / dims[1];
    const deviation = g.op('Sqrt', [g.add(x[4], g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
    const shift = g.sum(dy[0]!, axes, false);
    const stretch = g.div(g.sum(g.mul(dy[0]!, centred), axes, false), deviation);
    const image = () => {
      const a = g.div(x[1], deviation);
      const b = g.scale(g.div(g.mul(a, stretch), deviation), -1 / count);
      const c = g.scale(g.mul(a, shift), -1 / count);
      const [wide, slope, offset] = [a, b, c].map((vector) => perChannel(g, vector, dims.length));
      return g.add(g.add(g.mul(dy[0]!, wide), g.mul(centred, slope)), offset);
    };
    return [needs[0] ? image() : null, needs[1] ? stretch : null, needs[2] ? shift : null, null, null];
  };
}
