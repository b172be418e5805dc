/**
 * Gradients of operators that pick or place values by index. Indices known in advance go back by Pad or Gather; others,
 * and those that name a place twice, are added up by ScatterND, which CPU and WebGPU run.
 */
import { HistoloopError } from '../errors.ts';
import { intOf, stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { putBack } from './grad-place.ts';
import type { Gradient, Rule, RuleCall } from './grad-rule.ts';
import { axisOf, numbersOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

interface Picked {
  /** Gradient with what was picked along `axis`. */
  readonly slope: string;
  readonly axis: number;
  /** Length of the axis that was picked from. */
  readonly size: number;
}

const gather: Rule = ({ g, node, x, dy }) => {
  const dims = g.dims(x[0]);
  const axis = axisOf(intOf(node.attributes, 'axis', 0), dims.length);
  const [size, count] = [dims[axis], g.dims(x[1]).reduce((product, dim) => product * dim, 1)];
  if (count === 0) return [g.filled(dims, 0), null];
  const slope = g.reshape(
    dy[0]!,
    dims.map((dim, i) => (i === axis ? count : dim)),
  );
  const constant = g.constantOf(x[1]);
  const known = constant && numbersOf(constant).map((index) => (index < 0 ? index + size : index));
  return [(known && knownBack(g, { slope, axis, size }, known)) ?? addedBack(g, { slope, axis, size }, x[1]), null];
};

/** Null where an index comes twice. */
function knownBack(g: GraphBuilder, { slope, axis, size }: Picked, indices: readonly number[]): string | null {
  const count = indices.length;
  const step = count === 1 ? 1 : indices[1] - indices[0];
  const even = step !== 0 && indices.every((index, i) => index === indices[0] + i * step);
  if (even) return putBack(g, slope, { axis, start: indices[0], step, count }, size);
  if (new Set(indices).size < count) return null;
  const from = new Array<number>(size).fill(count);
  indices.forEach((index, i) => {
    from[index] = i;
  });
  const nothing = () =>
    g.filled(
      g.dims(slope).map((dim, i) => (i === axis ? 1 : dim)),
      0,
    );
  const source = count === size ? slope : g.concat([slope, nothing()], axis);
  return g.op('Gather', [source, g.ints(from)], { axis });
}

/** Rows are added up along the first axis, so the picked one goes there and back. */
function addedBack(g: GraphBuilder, { slope, axis, size }: Picked, indices: string): string {
  const dims = g.dims(slope);
  const others = dims.flatMap((_, i) => (i === axis ? [] : [i]));
  const order = [axis, ...others];
  const whole = g.type(indices) === 'int64' ? indices : g.op('Cast', [indices], { to: 7 });
  const nothing = g.filled([size, ...others.map((i) => dims[i])], 0);
  const rows = g.reshape(whole, [dims[axis], 1]);
  const sums = g.op('ScatterND', [nothing, rows, g.transpose(slope, order)], { reduction: 'add' });
  return g.transpose(
    sums,
    dims.map((_, i) => order.indexOf(i)),
  );
}

const gatherElements: Rule = ({ g, node, x, dy }) => {
  const nothing = g.filled(g.dims(x[0]), 0);
  const axis = intOf(node.attributes, 'axis', 0);
  return [g.op('ScatterElements', [nothing, x[1], dy[0]!], { axis, reduction: 'add' }), null];
};

const gatherNd: Rule = ({ g, x, dy }) => {
  return [g.op('ScatterND', [g.filled(g.dims(x[0]), 0), x[1], dy[0]!], { reduction: 'add' }), null];
};

/** Where values are replaced nothing flows to what was there before; where they are added all of it does. */
function scatter(back: (call: RuleCall, erased: string) => string, pick: (call: RuleCall) => string): Rule {
  return (call) => {
    const { g, node, x, dy, needs } = call;
    const reduction = stringOf(node.attributes, 'reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') {
      throw new HistoloopError(
        'model-unusable',
        `${nodeLabel(node)} joins values by '${reduction}'; only replaced or added values can be trained through`,
      );
    }
    const data = () => (reduction === 'add' ? dy[0]! : back(call, g.filled(g.dims(x[2]), 0)));
    return [needs[0] ? data() : null, null, needs[2] ? pick(call) : null];
  };
}

const axisAttribute = ({ node }: RuleCall) => ({ axis: intOf(node.attributes, 'axis', 0) });

const scatterElements = scatter(
  (call, erased) => call.g.op('ScatterElements', [call.dy[0]!, call.x[1], erased], axisAttribute(call)),
  (call) => call.g.op('GatherElements', [call.dy[0]!, call.x[1]], axisAttribute(call)),
);

const scatterNd = scatter(
  ({ g, x, dy }, erased) => g.op('ScatterND', [dy[0]!, x[1], erased]),
  ({ g, x, dy }) => g.op('GatherND', [dy[0]!, x[1]]),
);

/** The values go back to where they stood; the indices do not move. */
const topK: Rule = ({ g, node, x, y, dy }) => {
  const axis = intOf(node.attributes, 'axis', -1);
  return [g.op('ScatterElements', [g.filled(g.dims(x[0]), 0), y[1], dy[0]!], { axis }), null];
};

export const INDEX_RULES = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TopK: topK,
  ArgMax: 'flat',
  ArgMin: 'flat',
  NonZero: 'flat',
  Range: 'flat',
} satisfies Record<string, Gradient>;
