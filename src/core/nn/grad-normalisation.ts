/** Gradients of normalisation: by frozen statistics, and by those of the values themselves. */
import { floatOf, intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { allButChannel, perChannel, type Rule } from './grad-rule.ts';
import { axisOf } from './tensor.ts';

/** Frozen: mean and variance are constants, so this is a scale and a shift per channel. */
const batchNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const [, scale, , mean, variance] = x;
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
  const centred = () => g.sub(x[0], perChannel(g, mean, rank));
  return [
    needs[0] ? g.mul(dy[0]!, perChannel(g, g.div(scale, deviation), rank)) : null,
    needs[1] ? g.div(g.sum(g.mul(dy[0]!, centred()), allButChannel(rank), false), deviation) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
    null,
    null,
  ];
};

/** What normalisation by a value's own mean and variance over some axes hands back. */
interface Unit {
  /** (x − mean)/σ */
  readonly unit: string;
  /** Gradient by x from the gradient by `unit`: (d − mean(d) − unit · mean(d · unit))/σ. */
  readonly back: (slope: string) => string;
}

function unitOver(g: GraphBuilder, x: string, axes: readonly number[], epsilon: number): Unit {
  const centred = g.sub(x, g.mean(x, axes));
  const variance = g.mean(g.mul(centred, centred), axes);
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(epsilon))]);
  const unit = g.div(centred, deviation);
  const back = (slope: string) => {
    const spread = g.mul(unit, g.mean(g.mul(slope, unit), axes));
    return g.div(g.sub(g.sub(slope, g.mean(slope, axes)), spread), deviation);
  };
  return { unit, back };
}

const instanceNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  const { unit, back } = unitOver(g, x[0], spatial, floatOf(node.attributes, 'epsilon', 1e-5));
  return [
    needs[0] ? back(g.mul(dy[0]!, perChannel(g, x[1], rank))) : null,
    needs[1] ? g.sum(g.mul(dy[0]!, unit), allButChannel(rank), false) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
  ];
};

const layerNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const outer = Array.from({ length: axis }, (_, i) => i);
  const { unit, back } = unitOver(g, x[0], axes, floatOf(node.attributes, 'epsilon', 1e-5));
  return [
    needs[0] ? back(g.mul(dy[0]!, x[1])) : null,
    needs[1] ? g.sum(g.mul(dy[0]!, unit), outer, false) : null,
    needs[2] ? g.sum(dy[0]!, outer, false) : null,
  ];
};

export const NORMALISATION_RULES = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
} satisfies Record<string, Rule>;
