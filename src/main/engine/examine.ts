/**
 * A user's model file becomes a project model: read, watched on noise, wrapped, tried, and asked whether it can learn.
 * Child only, in a process that is thrown away afterwards: a hostile model may take it down or never end.
 */
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import {
  type FoundNormalisation,
  foundClasses,
  foundNormalisation,
  foundPixelSize,
} from '../../core/nn/found-normalisation.ts';
import { withFreeReshapes } from '../../core/nn/free-batch.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { type ImageLayout, imageLayout } from '../../core/nn/image-layout.ts';
import { endingOf } from '../../core/nn/logits.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import { prepareModel } from '../../core/nn/prepare.ts';
import { type ProjectNetwork, toProjectNetwork } from '../../core/nn/project-network.ts';
import { answersApart, sameAnswer } from './answers-apart.ts';
import { type Answer, chooseAnswer, seenOutputs } from './choose-answer.ts';
import type { ModelInspection } from './engine-facts.ts';
import type { ExamineWish, ModelFacts } from './examine-facts.ts';
import { inspectModel } from './inspect.ts';
import { learningOf } from './learning.ts';
import { readNetworkFile } from './network-file.ts';
import { observe } from './observe.ts';
import { unusable } from './runtime.ts';
import { whyUnfit } from './unfit.ts';

/** Errors: `file-missing`, `model-unusable`, `model-output-invalid`, each with what to do. */
export async function examineModel(path: string, wish: ExamineWish, threads: number): Promise<ModelFacts> {
  const { model, file, changes } = readNetworkFile(path);
  const image = imageLayout(model);
  const prepared = prepareModel(model);
  const normalisation = image.type === 'uint8' ? BYTES : foundNormalisation(prepared, image.inputName);
  const besides = model.graph.outputs.map(({ name }) => endingOf(model.graph, name).logits);
  const seen = await observe(model, image, { besides, scale: normalisation, threads }).catch((error: unknown) => {
    throw inWords(error, file.foreignDomains);
  });
  const answer = chooseAnswer(model, seen, wish);
  const wrapped = await wrap(prepared, { image, answer, wish, threads });
  const bytes = encodeModel(wrapped.model);
  const project = await inspectModel(bytes, threads);
  refuseUnfit(project);
  return {
    bytes,
    project,
    producer: model.producer,
    opset: file.opset,
    parameters: file.parameters,
    input: saidInput(model),
    outputs: seenOutputs(model, seen),
    output: answer.output,
    activation: answer.activation,
    activationWhy: answer.why,
    changes: [...changes, ...wrapped.changes, ...leftOut(model, answer)],
    warnings: await warningsOf(bytes, project, threads),
    learning: learningOf(wrapped.model, project),
    normalisation,
    classes: foundClasses(model.metadata),
    pixelSizeUm: foundPixelSize(model.metadata),
  };
}

const BYTES: FoundNormalisation = {
  mean: [0, 0, 0],
  deviation: [1 / 255, 1 / 255, 1 / 255],
  why: 'the network takes bytes',
};

interface Wrapping {
  readonly image: ImageLayout;
  readonly answer: Answer;
  readonly wish: ExamineWish;
  readonly threads: number;
}

/** A batch size that the file declares is let go where the network answers for two pictures as for each alone. */
async function wrap(model: OnnxModel, { image, answer, wish, threads }: Wrapping): Promise<ProjectNetwork> {
  const { value, layout, activation, isProbability } = answer;
  const request = { image, channelOrder: wish.channelOrder, value, answer: layout, activation, isProbability };
  const bound = toProjectNetwork(model, { ...request, freeBatch: image.batch === null });
  if (!bound.model.graph.inputs.some(({ name }) => isUsed(bound.model, name))) {
    throw new HistoloopError('model-unusable', `the model's output '${answer.output}' does not depend on the picture`);
  }
  if (image.batch === null) return bound;
  for (const freed of [model, withFreeReshapes(model)]) {
    if (freed === null) continue;
    const free = toProjectNetwork(freed, { ...request, freeBatch: true });
    if (await answersApart(encodeModel(free.model), free, { image, threads })) return free;
  }
  return bound;
}

function isUsed({ graph }: OnnxModel, name: string): boolean {
  return graph.nodes.some((node) => node.inputs.includes(name));
}

function saidInput({ graph }: OnnxModel): string {
  return graph.inputs
    .map(({ name, type, dims }) => `${name}: ${type} [${dims?.map((d) => d ?? '?').join(', ') ?? '…'}]`)
    .join();
}

function leftOut({ graph }: OnnxModel, { output }: Answer): string[] {
  const others = graph.outputs.filter(({ name }) => name !== output).map(({ name }) => `‘${name}’`);
  return others.length === 0 ? [] : [`the other outputs (${others.join(', ')}) are left out`];
}

function refuseUnfit(project: ModelInspection): void {
  const reason = whyUnfit(project);
  if (reason !== null) throw new HistoloopError('model-unusable', `the model ${reason}`);
}

async function warningsOf(bytes: Uint8Array, project: ModelInspection, threads: number): Promise<string[]> {
  return (await sameAnswer(bytes, project, threads))
    ? ['the network gave the same answer to two different pictures of noise; look well at the trial']
    : [];
}

function inWords(error: unknown, foreignDomains: readonly string[]): unknown {
  const foreign = foreignDomains.map((domain) => `"${domain}"`).join(', ');
  if (!foreign || !isHistoloopError(error)) return error;
  return unusable(
    `the model needs operators of ${foreign}, which stock onnxruntime does not have`,
    error.cause ?? error,
  );
}
