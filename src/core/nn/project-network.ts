/**
 * Somebody else's network as one of this project's: picture [N,3,H,W] in red, green, blue in, scores [N,K,H,W] at the
 * picture's size out, K ≥ 2, softmax not yet taken. What does not fit is put around it as plain nodes; inside, nothing changes.
 */
import { HistoloopError } from '../errors.ts';
import type { AnswerLayout } from './answer-layout.ts';
import type { Attribute, Attributes, Node, OnnxModel } from './graph.ts';
import type { ImageLayout } from './image-layout.ts';
import { pruneTo } from './prune.ts';
import { valuesMade } from './rename.ts';
import type { Tensor } from './session.ts';
import { tensorOf } from './tensor.ts';

export interface ProjectRequest {
  readonly image: ImageLayout;
  /** True: the batch size that the file declares is not binding (a trial has shown so). */
  readonly freeBatch: boolean;
  readonly channelOrder: 'rgb' | 'bgr';
  /** The value that holds the scores or probabilities, and how it lies. */
  readonly value: string;
  readonly answer: AnswerLayout;
  /** How classes are told apart: one of all (softmax), or each by itself with the rest as background (sigmoid). */
  readonly activation: 'softmax' | 'sigmoid';
  /** Whether the value is already between 0 and 1. */
  readonly isProbability: boolean;
}

export interface ProjectNetwork {
  readonly model: OnnxModel;
  readonly inputName: string;
  readonly outputName: string;
  /** K of the scores, with the background that a sigmoid network leaves unsaid. */
  readonly classes: number;
  /** What was put around the network, in sentences for people. */
  readonly changes: readonly string[];
}

/** Error: `model-unusable` for an opset in which the scores cannot be brought to the picture's size. */
export function toProjectNetwork(model: OnnxModel, request: ProjectRequest): ProjectNetwork {
  const draft = createDraft(model);
  const inputName = takePicture(draft, request);
  const outputName = giveScores(draft, request);
  const { image, freeBatch, answer, activation } = request;
  const sides = [image.heightPx ?? 'height', image.widthPx ?? 'width'];
  const batch = freeBatch ? 'batch' : (image.batch ?? 'batch');
  if (freeBatch && image.batch !== null) draft.changes.push(`any number of pictures at once, not only ${image.batch}`);
  const classes = answer.channels + (activation === 'sigmoid' ? 1 : 0);
  const whole: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      nodes: [...draft.before, ...model.graph.nodes, ...draft.after],
      initialisers: new Map([...model.graph.initialisers, ...draft.constants]),
      inputs: [{ name: inputName, type: 'float32', dims: [batch, 3, ...sides] }],
    },
  };
  const output = { name: outputName, type: 'float32', dims: [batch, classes, ...sides] } as const;
  return { model: pruneTo(whole, [output]), inputName, outputName, classes, changes: draft.changes };
}

/** Nodes to be put before and behind, with names that the network does not use. */
interface Draft {
  readonly opset: number;
  readonly before: Node[];
  readonly after: Node[];
  readonly constants: Map<string, Tensor>;
  readonly changes: string[];
  fresh(name: string): string;
  constant(name: string, tensor: Tensor): string;
  /** Adds a node behind the network. */
  node(op: string, inputs: readonly string[], attributes: Attributes, output: string): string;
}

function createDraft(model: OnnxModel): Draft {
  const taken = valuesMade(model.graph);
  const fresh = (wanted: string) => {
    let name = wanted;
    for (let again = 2; taken.has(name); again++) name = `${wanted}_${again}`;
    taken.add(name);
    return name;
  };
  const constants = new Map<string, Tensor>();
  const after: Node[] = [];
  return {
    opset: model.opsets.get('') ?? 1,
    before: [],
    after,
    constants,
    changes: [],
    fresh,
    constant(wanted, tensor) {
      const name = fresh(wanted);
      constants.set(name, tensor);
      return name;
    },
    node(op, inputs, attributes, output) {
      after.push(plainNode(op, inputs, attributes, output));
      return output;
    },
  };
}

function plainNode(op: string, inputs: readonly string[], attributes: Attributes, output: string): Node {
  return { name: output, op, domain: '', inputs, outputs: [output], attributes };
}

const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const text = (value: string): Attribute => ({ kind: 'string', value });

/** Luma of ITU-R BT.601, the grey of most picture libraries. */
const LUMA = [0.299, 0.587, 0.114];
const UINT8 = 2;

type Step = (input: string, output: string) => Node[];

/** The nodes between our picture and the network's; gives the name of ours. */
function takePicture(draft: Draft, { image, channelOrder }: ProjectRequest): string {
  const steps: Step[] = [];
  if (channelOrder === 'bgr' && image.channels === 3) {
    draft.changes.push('the picture is given as blue, green, red');
    const order = draft.constant('blue_green_red', tensorOf('int64', [3], [2, 1, 0]));
    steps.push((input, output) => [plainNode('Gather', [input, order], { axis: int(1) }, output)]);
  }
  if (image.channels === 1) {
    draft.changes.push('the picture is made grey before the network sees it');
    steps.push(greyStep(draft));
  }
  if (image.type === 'uint8') {
    draft.changes.push('the picture is turned to bytes, as the network wants it');
    steps.push((input, output) => [plainNode('Cast', [input], { to: int(UINT8) }, output)]);
  }
  if (image.channelsLast) {
    draft.changes.push('channels are moved to the end for the network, [N,H,W,C], as TensorFlow keeps them');
    steps.push((input, output) => [plainNode('Transpose', [input], { perm: ints(0, 2, 3, 1) }, output)]);
  }
  if (steps.length === 0) return image.inputName;
  const inputName = draft.fresh('picture');
  let value = inputName;
  steps.forEach((step, at) => {
    const output = at === steps.length - 1 ? image.inputName : draft.fresh(`picture_${at}`);
    draft.before.push(...step(value, output));
    value = output;
  });
  return inputName;
}

function greyStep(draft: Draft): Step {
  const luma = draft.constant('luma', tensorOf('float32', [1, 3, 1, 1], LUMA));
  const weighted = draft.fresh('picture_weighted');
  const axes = draft.opset < 13 ? null : draft.constant('channel_axis', tensorOf('int64', [1], [1]));
  return (input, output) => [
    plainNode('Mul', [input, luma], {}, weighted),
    axes === null
      ? plainNode('ReduceSum', [weighted], { axes: ints(1), keepdims: int(1) }, output)
      : plainNode('ReduceSum', [weighted, axes], { keepdims: int(1) }, output),
  ];
}

/** The nodes between the network's value and our scores; gives the name of the scores. */
function giveScores(draft: Draft, request: ProjectRequest): string {
  const { answer, activation, isProbability } = request;
  let value = request.value;
  if (answer.channelsLast) {
    draft.changes.push('the answer’s channels are moved to the front, [N,K,H,W]');
    value = draft.node('Transpose', [value], { perm: ints(0, 3, 1, 2) }, draft.fresh('scores_first'));
  }
  if (answer.flat) value = withChannelAxis(draft, value);
  if (isProbability) value = asScores(draft, value, activation);
  if (answer.downsample > 1) value = enlarge(draft, value, answer.downsample);
  if (activation === 'sigmoid') value = withBackground(draft, value);
  return value;
}

function withChannelAxis(draft: Draft, value: string): string {
  draft.changes.push('the answer gets an axis for its one class');
  const output = draft.fresh('scores_axis');
  if (draft.opset < 13) return draft.node('Unsqueeze', [value], { axes: ints(1) }, output);
  return draft.node('Unsqueeze', [value, draft.constant('class_axis', tensorOf('int64', [1], [1]))], {}, output);
}

const LEAST = 1e-6;

/** Probabilities → scores whose softmax or sigmoid they are: ln p, or ln p − ln(1 − p). */
function asScores(draft: Draft, value: string, activation: 'softmax' | 'sigmoid'): string {
  draft.changes.push('a logarithm turns the probabilities back to scores, so that the network can learn');
  const number = (name: string, of: number) => draft.constant(name, tensorOf('float32', [], [of]));
  const clipped = clip(draft, value, activation === 'sigmoid' ? 1 - LEAST : 1);
  const log = draft.node('Log', [clipped], {}, draft.fresh('log_probability'));
  if (activation === 'softmax') return log;
  const rest = draft.node('Sub', [number('one', 1), clipped], {}, draft.fresh('rest'));
  const logRest = draft.node('Log', [rest], {}, draft.fresh('log_rest'));
  return draft.node('Sub', [log, logRest], {}, draft.fresh('log_odds'));
}

function clip(draft: Draft, value: string, most: number): string {
  const output = draft.fresh('probability');
  if (draft.opset < 11) {
    const limits = { min: { kind: 'float', value: LEAST }, max: { kind: 'float', value: most } } as const;
    return draft.node('Clip', [value], limits, output);
  }
  const limits = [LEAST, most].map((of, i) =>
    draft.constant(i === 0 ? 'least' : 'most', tensorOf('float32', [], [of])),
  );
  return draft.node('Clip', [value, ...limits], {}, output);
}

function enlarge(draft: Draft, value: string, factor: number): string {
  draft.changes.push(
    `the scores, given at 1/${factor} of the picture’s size, are enlarged to it (bilinear); masks stay as coarse as the network’s answer`,
  );
  const { opset } = draft;
  const output = draft.fresh('scores_large');
  const scales = draft.constant('enlarge', tensorOf('float32', [4], [1, 1, factor, factor]));
  if (opset < 9)
    throw new HistoloopError(
      'model-unusable',
      `the network answers at 1/${factor} of the picture's size and is written in opset ${opset}; export it with opset 13 or newer`,
    );
  if (opset < 11)
    return draft.node(opset < 10 ? 'Upsample' : 'Resize', [value, scales], { mode: text('linear') }, output);
  const region = opset < 13 ? draft.constant('no_region', tensorOf('float32', [0], [])) : '';
  const attributes = { mode: text('linear'), coordinate_transformation_mode: text('half_pixel') };
  return draft.node('Resize', [value, region, scales], attributes, output);
}

/** A class of score 0 in front: softmax over (0, z) is the sigmoid of z. */
function withBackground(draft: Draft, value: string): string {
  draft.changes.push('background is added as a class of score 0: what no other class claims');
  const pads = [0, 1, 0, 0, 0, 0, 0, 0];
  const output = draft.fresh('scores_with_background');
  if (draft.opset < 11) return draft.node('Pad', [value], { pads: ints(...pads), mode: text('constant') }, output);
  const list = draft.constant('background_pads', tensorOf('int64', [8], pads));
  return draft.node('Pad', [value, list], { mode: text('constant') }, output);
}
