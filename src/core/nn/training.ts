/**
 * Turns an inference network into ONE ordinary graph that does a whole training step: forward, loss, backward,
 * optimiser. It builds bytes and reads results; it never runs anything (`OpenSession` does).
 */
import { fitMemory, type MemoryNeeds } from './fit-memory.ts';
import { appendForward } from './forward.ts';
import type { Lowering } from './grad-rule.ts';
import type { OnnxModel } from './graph.ts';
import type { WrittenGraph } from './graph-pass.ts';
import { adaptedWeights, mergeAdapters } from './lora.ts';
import type { LossTerm } from './loss-terms.ts';
import { encodeModel } from './onnx.ts';
import { type Optimiser, stepHyper } from './optimisers.ts';
import {
  gatherParameters,
  joinParameters,
  type ParameterLayout,
  scatterParameters,
  sliceParameters,
} from './parameters.ts';
import { passesOf } from './passes.ts';
import { prepareModel } from './prepare.ts';
import type { SessionOptions, Tensor } from './session.ts';
import { addHyper, addImage } from './training-inputs.ts';
import { addLoss } from './training-loss.ts';
import { checkOptions, type InputSpec, type TrainingOptions, type TrainingProgram } from './training-options.ts';
import { type Plan, planTraining } from './training-plan.ts';
import { addUpdate, flatGradient } from './training-update.ts';

export type { InputSpec, LossTerm, Lowering, Optimiser, ParameterLayout, TrainingOptions, TrainingProgram };
export { stepHyper };

/**
 * Builds the training step of a segmentation network.
 * Errors: `model-unusable` (an operator without gradient, no [N,C,H,W] input, no [N,K,H,W] logits), `bad-input` (options).
 */
export function buildTrainingProgram(model: OnnxModel, options: TrainingOptions): TrainingProgram {
  checkOptions(options);
  const plan = planTraining(prepareModel(model), options);
  const { g, layout, runningLayout } = plan;
  const image = addImage(plan);
  const hyper = addHyper(plan);
  const theta = g.input('theta', 'float32', [layout.length]);
  const views = sliceParameters(g, theta, layout);
  const forward = appendForward(g, {
    ...plan,
    image: image.value,
    weights: new Map([...views, ...adaptedWeights(g, plan.model, plan.adapters, views), ...runningViews(plan)]),
    results: plan.heads.map((head) => head.value),
  });
  const { loss, heads } = addLoss(plan, forward.results);
  const gradient = flatGradient(plan, { loss, views, rules: forward.rules });
  const state = addUpdate(plan, theta, gradient);
  if (runningLayout.length > 0) {
    g.output('running_next', joinParameters(g, runningLayout, forward.running));
    state.running = 'running_next';
  }
  g.output('loss', loss);
  if (options.exposeGradient) g.output('gradient', gradient);
  const [{ classes, target, weight }, ...further] = heads;
  return {
    ...encodeStep(plan, loss),
    layout,
    runningLayout,
    adapters: plan.adapters,
    accumulate: options.accumulate ?? 1,
    sessionOptions: sessionOptionsOf(plan, state),
    inputs: { image: image.input, target, weight, hyper },
    classes,
    heads: further,
    outputs: { loss: 'loss' },
  };
}

function runningViews({ g, runningLayout }: Plan): ReadonlyMap<string, string> {
  if (runningLayout.length === 0) return new Map();
  return sliceParameters(g, g.input('running', 'float32', [runningLayout.length]), runningLayout);
}

/** Runs the passes and writes bytes. Operators that only one provider has bring their domain with them. */
function encodeStep({ g, lowering, options }: Plan, loss: string): { bytes: Uint8Array; memory: MemoryNeeds } {
  const model = g.finish('training step');
  const start: WrittenGraph = { ...model.graph, values: g.shapes(), loss };
  const { graph, memory } = fitMemory(start, {
    passes: passesOf({ lowering }),
    budgetBytes: options.memoryBudgetBytes,
    subject: `${options.batch} tiles of ${options.heightPx}×${options.widthPx} pixels`,
  });
  const { nodes, initialisers, inputs, outputs } = graph;
  const domains = new Set(nodes.map((node) => node.domain).filter((domain) => domain !== ''));
  const opsets = new Map([...model.opsets, ...[...domains].map((domain) => [domain, 1] as const)]);
  return {
    bytes: encodeModel({ ...model, opsets, graph: { ...model.graph, nodes, initialisers, inputs, outputs } }),
    memory,
  };
}

function sessionOptionsOf(plan: Plan, state: Readonly<Record<string, string>>): SessionOptions {
  const { model, layout, runningLayout } = plan;
  const first = (name: string): Tensor => {
    if (name === 'theta' || name === 'ema') return gatherParameters(model, layout);
    if (name === 'running') return gatherParameters(model, runningLayout);
    return { type: 'float32', dims: [layout.length], data: new Float32Array(layout.length) };
  };
  const initial = Object.fromEntries(Object.keys(state).map((name) => [name, first(name)]));
  return { state, initial, purpose: 'training' };
}

/**
 * The inference network with learned weights (and running averages). `state` is what `Session.readState` returned;
 * `model` the network the program was built from; `weights` whether the last weights or their moving average.
 * Errors: `model-output-invalid` where a weight is not finite, `bad-input` where the state is another network's.
 */
export function writeParameters(
  model: OnnxModel,
  program: TrainingProgram,
  state: Readonly<Record<string, Tensor>>,
  weights: 'theta' | 'ema' = 'theta',
): OnnxModel {
  const learned = scatterParameters(prepareModel(model), program.layout, state[weights]);
  const merged = mergeAdapters(learned, program.adapters);
  return program.runningLayout.length > 0 ? scatterParameters(merged, program.runningLayout, state.running) : merged;
}
