/**
 * Turns an inference network into ONE ordinary graph that does a whole training step: forward, loss, backward,
 * optimiser. It builds bytes and reads results; it never runs anything (`OpenSession` does).
 */
import { HistoloopError } from '../errors.ts';
import { GraphBuilder } from './builder.ts';
import { appendForward, type Forward } from './forward.ts';
import { differentiate } from './grad.ts';
import type { Lowering } from './grad-rule.ts';
import type { Node, OnnxModel } from './graph.ts';
import { crossEntropy, focal, pixelTerms, softDice } from './losses.ts';
import { encodeModel } from './onnx.ts';
import { clipGlobalNorm, HYPER_LENGTH, type Optimiser, optimiserStep, stepHyper } from './optimisers.ts';
import {
  decays,
  gatherParameters,
  joinParameters,
  layOut,
  type ParameterLayout,
  scatterParameters,
  sliceParameters,
} from './parameters.ts';
import { prepareModel } from './prepare.ts';
import { findSegmentation, type SegmentationNetwork } from './segmentation-network.ts';
import type { SessionOptions, Tensor } from './session.ts';

export type { Lowering, Optimiser, ParameterLayout };
export { stepHyper };

export interface LossWeights {
  readonly crossEntropy: number;
  readonly dice: number;
  readonly focal: number;
}

export interface TrainingOptions {
  readonly batch: number;
  readonly heightPx: number;
  readonly widthPx: number;
  readonly loss: LossWeights;
  /** `frozen` keeps the running averages as they are (fine-tuning); `batch` normalises by the batch and learns them. */
  readonly batchNorm: 'frozen' | 'batch';
  readonly optimiser: Optimiser;
  /** Longest gradient (global L2 norm), or null for no clipping. */
  readonly clipNorm: number | null;
  /** Which parameters may change, by name; all where left out. A BatchNormalization whose scale may not stays frozen. */
  readonly trainable?: (name: string) => boolean;
  readonly lowering?: Lowering;
  /** Adds the flat gradient, before clipping, as output `gradient`; for tests. */
  readonly exposeGradient?: boolean;
}

export interface InputSpec {
  readonly name: string;
  readonly type: 'float32' | 'int32';
  readonly dims: readonly number[];
}

export interface TrainingProgram {
  readonly bytes: Uint8Array;
  /** Where each parameter lies in state `theta` (and in `m` and `v`). */
  readonly layout: ParameterLayout;
  /** Where each running average lies in state `running`; empty with frozen normalisation. */
  readonly runningLayout: ParameterLayout;
  /** For `OpenSession`: the state and its first values. State names are stable, so a checkpoint may replace `initial`. */
  readonly sessionOptions: SessionOptions;
  readonly inputs: {
    /** float32 [N,C,H,W], scaled as the network wants it. */
    readonly image: InputSpec;
    /** int32 [N,1,H,W], class index 0…K−1; any other value counts as weight 0. */
    readonly target: InputSpec;
    /** float32 [N,1,H,W], how much each pixel counts; 0 = ignore. */
    readonly weight: InputSpec;
    /** float32 [4], see `stepHyper`. */
    readonly hyper: InputSpec;
  };
  /** K of the logits; a network with one logit is trained as two classes (0, logit). */
  readonly classes: number;
  /** The run's output `loss` is float32 [1]. */
  readonly outputs: { readonly loss: string };
}

/** What the stages of building hand to each other. */
interface Plan {
  readonly g: GraphBuilder;
  readonly model: OnnxModel;
  readonly network: SegmentationNetwork;
  readonly options: TrainingOptions;
  readonly layout: ParameterLayout;
  readonly runningLayout: ParameterLayout;
  readonly usesBatch: (node: Node) => boolean;
}

/**
 * Builds the training step of a segmentation network.
 * Errors: `model-unusable` (an operator without gradient, no [N,C,H,W] input, no [N,K,H,W] logits), `bad-input` (options).
 */
export function buildTrainingProgram(model: OnnxModel, options: TrainingOptions): TrainingProgram {
  checkOptions(options);
  const plan = makePlan(prepareModel(model), options);
  const { g, layout, runningLayout } = plan;
  const inputs = addInputs(plan);
  const theta = g.input('theta', 'float32', [layout.length]);
  const weights = sliceParameters(g, theta, layout);
  const running =
    runningLayout.length > 0
      ? sliceParameters(g, g.input('running', 'float32', [runningLayout.length]), runningLayout)
      : [];
  const forward = appendForward(g, { ...plan, image: inputs.image.name, weights: new Map([...weights, ...running]) });
  const classes = classesOf(plan, forward.logits);
  const loss = totalLoss(g, asTwoClasses(g, forward.logits), options.loss);
  const gradient = flatGradient(plan, { loss, weights, forward });
  const state = addUpdate(plan, theta, gradient);
  if (runningLayout.length > 0) {
    g.output('running_next', joinParameters(g, runningLayout, forward.running));
    state.running = 'running_next';
  }
  g.output('loss', loss);
  if (options.exposeGradient) g.output('gradient', gradient);
  return {
    bytes: encodeModel(g.finish('training step')),
    layout,
    runningLayout,
    sessionOptions: { state, initial: initialState(plan, Object.keys(state)), purpose: 'training' },
    inputs,
    classes,
    outputs: { loss: 'loss' },
  };
}

function checkOptions({ batch, heightPx, widthPx, loss, clipNorm }: TrainingOptions): void {
  const sizes = [batch, heightPx, widthPx];
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size <= 65536)) {
    throw new HistoloopError(
      'bad-input',
      `a batch of ${sizes.join('×')} is no batch of pictures; use whole positive numbers`,
    );
  }
  const parts = [loss.crossEntropy, loss.dice, loss.focal];
  if (!parts.every((part) => part >= 0 && Number.isFinite(part)) || !parts.some((part) => part > 0)) {
    throw new HistoloopError(
      'bad-input',
      `loss weights ${parts.join(', ')} must be positive, and one of them more than 0`,
    );
  }
  if (clipNorm !== null && !(clipNorm > 0))
    throw new HistoloopError('bad-input', `clipNorm ${clipNorm} must be positive, or null`);
}

function makePlan(model: OnnxModel, options: TrainingOptions): Plan {
  const network = findSegmentation(model);
  const trainable = options.trainable ?? (() => true);
  const usesBatch = (node: Node) =>
    options.batchNorm === 'batch' && node.op === 'BatchNormalization' && trainable(node.inputs[1]);
  const layout = layOut(model, network.parameters, trainable);
  if (!layout.entries.some((entry) => entry.trainable)) {
    throw new HistoloopError('model-unusable', 'the network has no weight that may learn');
  }
  const averages = network.nodes.filter(usesBatch).flatMap((node) => node.inputs.slice(3, 5));
  const runningLayout = layOut(model, averages, () => false);
  return { g: new GraphBuilder(), model, network, options, layout, runningLayout, usesBatch };
}

function addInputs({ g, model, network, options }: Plan): TrainingProgram['inputs'] {
  const { batch, heightPx, widthPx } = options;
  const [, declared, height, width] = network.image.dims ?? [];
  if ((typeof height === 'number' && height !== heightPx) || (typeof width === 'number' && width !== widthPx)) {
    throw new HistoloopError(
      'bad-input',
      `this network only takes tiles of ${height}×${width} pixels (height × width), not ${heightPx}×${widthPx}`,
    );
  }
  const channels = typeof declared === 'number' ? declared : firstChannels(model, network);
  const inputs = {
    image: { name: 'image', type: 'float32', dims: [batch, channels, heightPx, widthPx] },
    target: { name: 'target', type: 'int32', dims: [batch, 1, heightPx, widthPx] },
    weight: { name: 'weight', type: 'float32', dims: [batch, 1, heightPx, widthPx] },
    hyper: { name: 'hyper', type: 'float32', dims: [HYPER_LENGTH] },
  } as const;
  for (const { name, type, dims } of Object.values(inputs)) g.input(name, type, dims);
  return inputs;
}

/** Channels of the picture where the input does not say: what the first convolution's weights take. */
function firstChannels({ graph }: OnnxModel, { nodes }: SegmentationNetwork): number {
  const convolution = nodes.find((node) => node.op === 'Conv');
  return graph.initialisers.get(convolution?.inputs[1] ?? '')?.dims[1] ?? 3;
}

function classesOf({ g, options }: Plan, logits: string): number {
  const dims = g.dims(logits);
  const { batch, heightPx, widthPx } = options;
  if (dims.length !== 4 || dims[0] !== batch || dims[2] !== heightPx || dims[3] !== widthPx) {
    throw new HistoloopError(
      'model-unusable',
      `the network answers with ${dims.join('×')} where a class score per pixel, ${batch}×K×${heightPx}×${widthPx}, is needed; use a network that upsamples to the size of its input`,
    );
  }
  return Math.max(2, dims[1]);
}

/** One logit (sigmoid) is the same as two with the first fixed at 0 (softmax). */
function asTwoClasses(g: GraphBuilder, logits: string): string {
  const dims = g.dims(logits);
  return dims[1] === 1 ? g.concat([g.filled(dims, 0), logits], 1) : logits;
}

function totalLoss(g: GraphBuilder, logits: string, weights: LossWeights): string {
  const terms = pixelTerms(g, logits, 'target', 'weight');
  const parts: string[] = [];
  if (weights.crossEntropy > 0) parts.push(g.scale(crossEntropy(g, terms), weights.crossEntropy));
  if (weights.dice > 0) parts.push(g.scale(softDice(g, terms), weights.dice));
  if (weights.focal > 0) parts.push(g.scale(focal(g, terms), weights.focal));
  return parts.reduce((a, b) => g.add(a, b));
}

interface Losing {
  readonly loss: string;
  readonly weights: ReadonlyMap<string, string>;
  readonly forward: Forward;
}

function flatGradient({ g, options, layout }: Plan, { loss, weights, forward }: Losing): string {
  const learning = layout.entries.filter((entry) => entry.trainable).map((entry) => entry.name);
  const slopes = differentiate(g, {
    of: loss,
    by: learning.map((name) => weights.get(name)!),
    lowering: options.lowering ?? { weightGradient: 'conv3d' },
    overrides: forward.rules,
  });
  const byName = learning.flatMap((name) => {
    const slope = slopes.get(weights.get(name)!);
    return slope === undefined ? [] : [[name, slope] as const];
  });
  return joinParameters(g, layout, new Map(byName));
}

/** Adds the optimiser; gives the state links of theta and the moments. */
function addUpdate(plan: Plan, theta: string, gradient: string): Record<string, string> {
  const { g, options, layout } = plan;
  const { optimiser, clipNorm } = options;
  const m = g.input('m', 'float32', [layout.length]);
  const v = optimiser.kind === 'adamw' ? g.input('v', 'float32', [layout.length]) : null;
  const clipped = clipNorm === null ? gradient : clipGlobalNorm(g, gradient, clipNorm);
  const decayMask = maskOf(plan);
  const next = optimiserStep(g, optimiser, { state: { theta, m, v }, gradient: clipped, hyper: 'hyper', decayMask });
  g.output('theta_next', next.theta);
  g.output('m_next', next.m);
  if (next.v !== null) g.output('v_next', next.v);
  return { theta: 'theta_next', m: 'm_next', ...(next.v === null ? {} : { v: 'v_next' }) };
}

/** 1 for every element that decays. The layout puts those first. */
function maskOf({ g, layout, options }: Plan): string | null {
  const decay = options.optimiser.weightDecay ?? (options.optimiser.kind === 'adamw' ? 0.01 : 0);
  const end = layout.entries.find((entry) => !entry.trainable || !decays(entry.dims))?.offset ?? layout.length;
  if (decay === 0 || end === 0) return null;
  const rest = layout.length - end;
  return g.concat([g.filled([end], 1), ...(rest > 0 ? [g.filled([rest], 0)] : [])], 0);
}

function initialState(plan: Plan, names: readonly string[]): Record<string, Tensor> {
  const { model, layout, runningLayout } = plan;
  const first = (name: string): Tensor => {
    if (name === 'theta') return gatherParameters(model, layout);
    if (name === 'running') return gatherParameters(model, runningLayout);
    return { type: 'float32', dims: [layout.length], data: new Float32Array(layout.length) };
  };
  return Object.fromEntries(names.map((name) => [name, first(name)]));
}

/**
 * The inference network with learned weights (and running averages). `state` is what `Session.readState` returned;
 * `model` the network the program was built from.
 * Errors: `model-output-invalid` where a weight is not finite, `bad-input` where the state is another network's.
 */
export function writeParameters(
  model: OnnxModel,
  program: TrainingProgram,
  state: Readonly<Record<string, Tensor>>,
): OnnxModel {
  const learned = scatterParameters(prepareModel(model), program.layout, state.theta);
  return program.runningLayout.length > 0 ? scatterParameters(learned, program.runningLayout, state.running) : learned;
}
