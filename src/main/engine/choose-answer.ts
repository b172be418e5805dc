/** Which value of a network holds the class map, and how its numbers are meant: from its ending and from a trial. Child only. */
import type { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import { MAX_CLASS_ID } from '../../core/label.ts';
import { type AnswerLayout, answerLayout } from '../../core/nn/answer-layout.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { type Ending, endingOf, rankOutputs } from '../../core/nn/logits.ts';
import type { Tensor } from '../../core/nn/session.ts';
import type { SeenOutput } from './examine-facts.ts';
import type { Observation } from './observe.ts';

export interface Answer {
  readonly output: string;
  /** The value to take: before the activation where there is one. */
  readonly value: string;
  readonly layout: AnswerLayout;
  readonly activation: 'softmax' | 'sigmoid';
  readonly isProbability: boolean;
  /** How the activation was found; null where it is a guess. */
  readonly why: string | null;
}

/** Every output with what speaks against it, likeliest first. */
export function seenOutputs(model: OnnxModel, seen: Observation): SeenOutput[] {
  return rankOutputs(model.graph).map(({ name }) => {
    const tensor = seen.values.get(name);
    const said = tensor ? `${tensor.type} [${tensor.dims.join(', ')}]` : 'not given';
    const found = mapOf(endingOf(model.graph, name), name, seen);
    return { name, said, problem: typeof found === 'string' ? found : null };
  });
}

interface FoundMap {
  readonly value: string;
  readonly layout: AnswerLayout;
}

/** The scores before the activation, or the output itself where those are no map. */
function mapOf(ending: Ending, output: string, seen: Observation): FoundMap | string {
  let problem = `the output '${output}' was not given`;
  for (const value of new Set([ending.logits, output])) {
    const tensor = seen.values.get(value);
    if (tensor === undefined) continue;
    const layout = answerLayout(tensor as Pick<Tensor, 'type' | 'dims'>, seen.size);
    if (typeof layout === 'string') problem = `the output '${output}' is no class map: ${layout}`;
    else if (layout.channels > MAX_CLASS_ID) {
      problem = `the output '${output}' tells ${layout.channels} classes apart; 1 to ${MAX_CLASS_ID} fit in a mask`;
    } else return { value, layout };
  }
  return problem;
}

/** Error: `model-unusable` where no output, or not the one that is wished for, is a class map. */
export function chooseAnswer(
  model: OnnxModel,
  seen: Observation,
  wish: { output: string | null; activation: 'softmax' | 'sigmoid' | null },
): Answer {
  const outputs = seenOutputs(model, seen);
  const output = wish.output ?? outputs.find(({ problem }) => problem === null)?.name ?? outputs[0]?.name;
  if (output === undefined) throw new HistoloopError('model-unusable', 'the model has no output');
  const ending = endingOf(model.graph, output);
  const map = mapOf(ending, output, seen);
  if (typeof map === 'string') {
    throw new HistoloopError(
      'model-unusable',
      `${map}; export the network so that it gives scores for each class and pixel, before any argmax`,
    );
  }
  const kind = kindOf(map.value === ending.logits ? ending : { ...ending, activation: 'unknown' }, map, seen);
  const activation = wish.activation ?? kind.activation;
  if (activation === 'softmax' && map.layout.channels === 1) {
    throw new HistoloopError(
      'model-unusable',
      `the output '${output}' gives one score a pixel, so there is nothing to choose one class from; read it as each class by itself`,
    );
  }
  return { output, ...map, ...kind, activation };
}

type Kind = Pick<Answer, 'activation' | 'isProbability' | 'why'>;

function kindOf({ activation }: Ending, { value, layout }: FoundMap, seen: Observation): Kind {
  if (activation === 'softmax' || activation === 'sigmoid') {
    return { activation, isProbability: false, why: `the network ends in a ${activation}` };
  }
  const tensor = seen.values.get(value)!;
  const range = rangeOf(tensor, layout);
  if (range === 'scores') {
    const single = layout.channels === 1;
    const why =
      activation === 'argmax' ? 'the network ends in an argmax' : single ? 'it gives one score per pixel' : null;
    return { activation: single ? 'sigmoid' : 'softmax', isProbability: false, why };
  }
  const sums = range === 'shares';
  const why = sums ? 'its values add up to 1 over the classes' : 'its values lie between 0 and 1';
  return { activation: sums ? 'softmax' : 'sigmoid', isProbability: true, why };
}

/** `shares`: in 0…1 and adding up to 1 over the classes; `unit`: in 0…1 each by itself. */
function rangeOf({ data, dims }: RuntimeTensor, layout: AnswerLayout): 'shares' | 'unit' | 'scores' {
  const values = data as Float32Array;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // All zeros is what a dead ReLU gives, not a probability.
  if (!(least >= 0 && most <= 1.0001 && most > 0)) return 'scores';
  if (layout.channels === 1) return 'unit';
  const stride = layout.channelsLast ? 1 : dims[2]! * dims[3]!;
  const pixels = layout.channelsLast ? dims[1]! * dims[2]! : stride;
  for (let pixel = 0; pixel < pixels; pixel += 97) {
    let sum = 0;
    const first = layout.channelsLast ? pixel * layout.channels : pixel;
    for (let k = 0; k < layout.channels; k++) sum += values[first + k * stride]!;
    if (Math.abs(sum - 1) > 1e-3) return 'unit';
  }
  return 'shares';
}
