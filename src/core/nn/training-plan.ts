/** What of a network learns, and on which of its outputs: decided from the options before anything is built. */
import { HistoloopError } from '../errors.ts';
import { GraphBuilder } from './builder.ts';
import type { Lowering } from './grad-rule.ts';
import type { Node, OnnxModel } from './graph.ts';
import { type Adapter, planAdapters, withAdapters } from './lora.ts';
import { layOut, type Parameter, type ParameterLayout } from './parameters.ts';
import type { SegmentationNetwork } from './segmentation-network.ts';
import { findHeads, type Head } from './training-heads.ts';
import type { TrainingOptions } from './training-options.ts';

/** What the stages of building hand to each other. */
export interface Plan {
  readonly g: GraphBuilder;
  /** Prepared (`prepareModel`), with the adapters' first values beside the weights. */
  readonly model: OnnxModel;
  /** Everything that the heads need. */
  readonly network: SegmentationNetwork;
  readonly options: TrainingOptions;
  /** The main head first. */
  readonly heads: readonly Head[];
  readonly adapters: readonly Adapter[];
  readonly layout: ParameterLayout;
  readonly runningLayout: ParameterLayout;
  readonly usesBatch: (node: Node) => boolean;
  readonly lowering: Lowering;
}

/** The form that is quickest on a CPU without operators of one runtime's own. */
const STANDARD: Lowering = { weightGradient: 'conv3d' };

/** Errors: `model-unusable` (nothing may learn, no such output), `bad-input`. */
export function planTraining(model: OnnxModel, options: TrainingOptions): Plan {
  const { network, heads } = findHeads(model, options);
  const adapters = options.adapters ? planAdapters(model, network.parameters, options.adapters) : [];
  const rateOf = ratesBy(options, new Set(adapters.map(({ weight }) => weight)));
  const usesBatch = (node: Node) =>
    options.batchNorm === 'batch' && node.op === 'BatchNormalization' && rateOf(node.inputs[1]) > 0;
  const adapted = withAdapters(model, adapters, options.adapters?.seed);
  const layout = layOut([...learning(model, network.parameters, rateOf), ...factors(adapted, adapters, options)]);
  if (layout.length === 0) throw new HistoloopError('model-unusable', 'the network has no weight that may learn');
  const averages = network.nodes.filter(usesBatch).flatMap((node) => node.inputs.slice(3, 5));
  const runningLayout = layOut(learning(model, averages, () => 1));
  const learned = { adapters, layout, runningLayout, usesBatch };
  const lowering = options.lowering ?? STANDARD;
  return { g: new GraphBuilder(), model: adapted, network, options, heads, lowering, ...learned };
}

/** How fast a weight learns, as a multiple of the step's rate; 0: not at all, as those that have adapters. */
function ratesBy(options: TrainingOptions, adapted: ReadonlySet<string>): (name: string) => number {
  const trainable = options.trainable ?? (() => options.adapters === undefined);
  return (name) => (trainable(name) && !adapted.has(name) ? groupRate(options, name) : 0);
}

function groupRate({ groups = [] }: TrainingOptions, name: string): number {
  return groups.find((group) => group.on(name))?.rate ?? 1;
}

function factors({ graph }: OnnxModel, adapters: readonly Adapter[], options: TrainingOptions): Parameter[] {
  return adapters.flatMap(({ weight, up, down }) =>
    [up, down].map((name) => ({ name, dims: graph.initialisers.get(name)!.dims, rate: groupRate(options, weight) })),
  );
}

function learning(model: OnnxModel, names: readonly string[], rateOf: (name: string) => number): Parameter[] {
  return names
    .filter((name) => rateOf(name) > 0)
    .map((name) => ({ name, dims: model.graph.initialisers.get(name)!.dims, rate: rateOf(name) }));
}
