/**
 * Property tests of operators: a random case becomes a graph of ours with its gradient, and the written gradient is
 * compared with central differences on the double-precision reference. `tests/main/nn/operator-runtime.ts` runs the same
 * graphs on onnxruntime. HISTOLOOP_PROPERTY_CASES says how many draws each case gets, HISTOLOOP_PROPERTY_SEED repeats one.
 */
import { expect } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import type { Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import { printModel } from '../../../src/core/nn/print.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Session, Tensor } from '../../../src/core/nn/session.ts';
import { isFloat, numbersOf, sizeOf, tensorOf } from '../../../src/core/nn/tensor.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';
import { OPSET } from '../../../src/core/nn/verify.ts';
import { createRandom, type Random } from '../../../src/core/random.ts';
import {
  caseLabel,
  type FedInput,
  type OperatorCase,
  type OperatorDraw,
  seedOf,
  spread,
} from '../../fixtures/operator-case.ts';
import { CONV3D } from './gradient-check.ts';

/** A drawn case, written as a graph. */
export interface WrittenCase {
  /** One node, as a file would hold it. */
  readonly node: Node;
  readonly opset: number;
  readonly draw: OperatorDraw;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Outputs `y0`, `y1`, …, and with gradients `loss` and `d_x0`, … for those that the loss depends on. */
  readonly model: OnnxModel;
  /** The inputs that the gradient is asked for. */
  readonly by: readonly string[];
}

/** Runs `check` on every draw of a case; a failure says the seed and prints the graph. */
export async function forEachDraw(one: OperatorCase, check: (written: WrittenCase) => Promise<void>): Promise<void> {
  for (const seed of seedsOf(one)) {
    const written = explained(one, seed, '', () => writeCase(one, seed));
    try {
      await check(written);
    } catch (error) {
      throw failure({ one, seed, graph: printModel(written.model), error });
    }
  }
}

function seedsOf(one: OperatorCase): number[] {
  const repeated = process.env.HISTOLOOP_PROPERTY_SEED;
  if (repeated !== undefined) return [Number(repeated)];
  const count = Number(process.env.HISTOLOOP_PROPERTY_CASES ?? 12);
  return Array.from({ length: count }, (_, nth) => seedOf(one, nth));
}

function explained<T>(one: OperatorCase, seed: number, graph: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw failure({ one, seed, graph, error });
  }
}

interface Failure {
  readonly one: OperatorCase;
  readonly seed: number;
  readonly graph: string;
  readonly error: unknown;
}

function failure({ one, seed, graph, error }: Failure): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(`${caseLabel(one)} with HISTOLOOP_PROPERTY_SEED=${seed}: ${message}\n${graph}`, { cause: error });
}

/** The case's graph with its gradient; without one it only computes the operator and the loss. */
export function writeCase(one: OperatorCase, seed: number, gradient = true): WrittenCase {
  const random = createRandom(seed);
  const draw = one.draw(random);
  const g = new GraphBuilder();
  const feeds: Record<string, Tensor> = {};
  const inputs = draw.inputs.map((input, i) => {
    if (input === null) return '';
    if ('constant' in input) return g.initialiser(`x${i}`, input.constant);
    feeds[`x${i}`] = drawTensor(input, random, i);
    return g.input(`x${i}`, input.type ?? 'float32', input.dims);
  });
  while (inputs.at(-1) === '') inputs.pop();
  const outputs = Array.from({ length: draw.outputs ?? 1 }, (_, i) => `y${i}`);
  const { op, domain = '', opset = OPSET } = one;
  const node: Node = { name: 'node', op, domain, inputs, outputs, attributes: draw.attributes ?? {} };
  appendUpgraded(g, node, opset);
  const by = inputs.filter((_, i) => isDifferentiated(draw.inputs[i]));
  for (const name of outputs) g.output(name, name);
  const loss = weightedSum(g, outputs, { random, feeds });
  if (loss !== null) g.output('loss', loss);
  if (loss !== null && gradient) {
    for (const [name, slope] of differentiate(g, { of: loss, by, lowering: CONV3D })) g.output(`d_${name}`, slope);
  }
  return { node, opset, draw, feeds, model: g.finish(caseLabel(one)), by };
}

function isDifferentiated(input: OperatorDraw['inputs'][number]): boolean {
  return input !== null && 'dims' in input && (input.type ?? 'float32') === 'float32' && input.by !== false;
}

function drawTensor({ type = 'float32', dims, draw = spread }: FedInput, random: Random, index: number): Tensor {
  return tensorOf(type, dims, draw(random, sizeOf(dims), index));
}

interface Weighing {
  readonly random: Random;
  readonly feeds: Record<string, Tensor>;
}

/** Σ outputs · random; null where no output is a float. */
function weightedSum(g: GraphBuilder, outputs: readonly string[], { random, feeds }: Weighing): string | null {
  const sums = outputs.flatMap((name, i) => {
    if (!isFloat(g.type(name))) return [];
    const dims = g.dims(name);
    feeds[`weights${i}`] = drawTensor({ dims }, random, i);
    const product = g.mul(name, g.input(`weights${i}`, 'float32', dims));
    return [g.op('ReduceSum', [product], { keepdims: 0 })];
  });
  return sums.length === 0 ? null : sums.reduce((a, b) => g.add(a, b));
}

/** What the double-precision reference computes, by output. */
export function runExactly({ model, feeds }: WrittenCase): Promise<Record<string, Tensor>> {
  return openReferenceModel(model, { precision: 'float64' }).run(inDoubles(feeds));
}

function inDoubles(feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      if (tensor.type !== 'float32') return [name, tensor];
      return [name, { type: 'float64', dims: tensor.dims, data: Float64Array.from(numbersOf(tensor)) }];
    }),
  );
}

/** The written gradient against central differences; a gradient that was not written must be zero. */
export async function checkDifferences(one: OperatorCase): Promise<void> {
  await forEachDraw(one, async (written) => {
    const results = await runExactly(written);
    if (results.loss === undefined) return;
    const feeds = inDoubles(written.feeds);
    const session = openReferenceModel(lossOnly(written.model), { precision: 'float64' });
    for (const name of written.by) {
      const x = feeds[name]!.data as Float64Array;
      const slope = (results[`d_${name}`]?.data as Float64Array | undefined) ?? new Float64Array(x.length);
      expect(slope.length, `size of the gradient by ${name}`).toBe(x.length);
      await compareDifferences(session, feeds, { name, slope });
    }
  });
}

/** The same graph without its gradient, which differences need not compute. */
function lossOnly(model: OnnxModel): OnnxModel {
  const makers = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const wanted = new Set<Node>();
  const visit = (name: string): void => {
    const node = makers.get(name);
    if (node === undefined || wanted.has(node)) return;
    wanted.add(node);
    node.inputs.forEach(visit);
  };
  visit('loss');
  const nodes = model.graph.nodes.filter((node) => wanted.has(node));
  const outputs = model.graph.outputs.filter(({ name }) => name === 'loss');
  return { ...model, graph: { ...model.graph, nodes, outputs } };
}

/** Elements looked at per input: a wrong index or factor shows at once. */
const LOOKED_AT = 8;
const STEP = 1e-5;
/** Errors are relative to the largest slope, but to no less than this: constants of a graph are float32. */
const SMALLEST = 0.1;

async function compareDifferences(
  session: Session,
  feeds: Record<string, Tensor>,
  { name, slope }: { name: string; slope: Float64Array },
): Promise<void> {
  const x = feeds[name]!.data as Float64Array;
  const scale = Math.max(SMALLEST, ...slope.map(Math.abs));
  const lossAt = async (i: number, value: number) => {
    const original = x[i]!;
    x[i] = value;
    const { loss } = await session.run(feeds);
    x[i] = original;
    return Number(loss!.data[0]);
  };
  for (let i = 0; i < x.length; i += Math.max(1, Math.floor(x.length / LOOKED_AT))) {
    const [above, below] = [await lossAt(i, x[i]! + STEP), await lossAt(i, x[i]! - STEP)];
    const difference = (above - below) / (2 * STEP);
    const where = `∂/∂${name}[${i}] is written as ${slope[i]}, differences say ${difference}`;
    expect(Math.abs(difference - slope[i]!) / scale, where).toBeLessThan(1e-6);
  }
}
