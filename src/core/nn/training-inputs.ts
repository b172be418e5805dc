/** The inputs of a training step: the picture, what each head is told, the numbers that change from step to step. */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import { firstChannels } from './image-layout.ts';
import { HYPER_LENGTH } from './optimisers.ts';
import type { Head } from './training-heads.ts';
import type { ByteInputs, HeadInputs, InputSpec } from './training-options.ts';
import type { Plan } from './training-plan.ts';

function declare(g: GraphBuilder, spec: InputSpec): InputSpec {
  g.input(spec.name, spec.type, spec.dims);
  return spec;
}

export function addHyper({ g }: Plan): InputSpec {
  return declare(g, { name: 'hyper', type: 'float32', dims: [HYPER_LENGTH] });
}

/** The input, and the value that the network gets to see. */
export function addImage({ g, model, network, options }: Plan): { input: InputSpec; value: string } {
  const { batch, heightPx, widthPx, bytes } = options;
  const [, declared, height, width] = network.image.dims ?? [];
  if ((typeof height === 'number' && height !== heightPx) || (typeof width === 'number' && width !== widthPx)) {
    throw new HistoloopError(
      'bad-input',
      `this network only takes tiles of ${height}×${width} pixels (height × width), not ${heightPx}×${widthPx}`,
    );
  }
  const channels = typeof declared === 'number' ? declared : (firstChannels(network.nodes, model.graph) ?? 3);
  const dims = [batch, channels, heightPx, widthPx];
  const input = declare(g, { name: 'image', type: bytes ? 'uint8' : 'float32', dims });
  return { input, value: bytes ? normalised(g, input, bytes) : input.name };
}

/** (byte / 255 − mean) / deviation. */
function normalised(g: GraphBuilder, input: InputSpec, { mean, deviation }: ByteInputs): string {
  const channels = input.dims[1];
  if (mean.length !== channels || deviation.length !== channels || !deviation.every((value) => value > 0)) {
    throw new HistoloopError(
      'bad-input',
      `mean ${mean.join(', ')} and deviation ${deviation.join(', ')} do not fit ${channels} channels; give one of each, deviations above 0`,
    );
  }
  const perChannel = (values: readonly number[]) => g.floats([1, channels, 1, 1], values);
  const scale = perChannel(deviation.map((value) => 1 / (255 * value)));
  const shift = perChannel(mean.map((value, c) => value / deviation[c]));
  return g.sub(g.mul(g.op('Cast', [input.name], { to: 1 }), scale), shift);
}

/** The inputs of a head whose answer is [N,K,H,W], and the target in the type that losses take. */
export function addHeadInputs({ g, options }: Plan, head: Head, answer: string): HeadInputs & { target32: string } {
  const [n, channels, h, w] = g.dims(answer);
  const asBytes = options.bytes !== undefined && head.kind === 'classes';
  const target = declare(
    g,
    head.kind === 'values'
      ? { name: head.target, type: 'float32', dims: [n, channels, h, w] }
      : { name: head.target, type: asBytes ? 'uint8' : 'int32', dims: [n, 1, h, w] },
  );
  const weight = declare(g, { name: head.weight, type: 'float32', dims: [n, 1, h, w] });
  return { target, weight, target32: asBytes ? g.op('Cast', [target.name], { to: 6 }) : target.name };
}
