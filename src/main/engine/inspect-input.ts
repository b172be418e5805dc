/** The one picture that a segmentation model takes, as its file declares it. */
import type { InferenceSession } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';

export interface ImageInput {
  readonly name: string;
  /** The only batch size, height and width it takes; null where any will do. */
  readonly batch: number | null;
  readonly heightPx: number | null;
  readonly widthPx: number | null;
}

/** Errors: `model-unusable`, one sentence for each way of not being a picture N,3,H,W of float32. */
export function imageInput(inputs: readonly InferenceSession.ValueMetadata[]): ImageInput {
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    const names = inputs.map(({ name }) => `"${name}"`).join(', ') || 'none';
    throw refuseInput(`the model takes ${inputs.length} inputs (${names}); it must take one, the picture`);
  }
  if (!input.isTensor) throw refuseInput(`the model's input "${input.name}" is not a tensor; it must be a picture`);
  const said = `the model's input "${input.name}" is ${input.type} [${input.shape.join(', ')}]`;
  if (input.type !== 'float32') throw refuseInput(`${said}; it must be float32, so add a Cast and export it again`);
  if (input.shape.length !== 4) throw refuseInput(`${said}; it must have 4 axes: batch, 3 channels, height, width`);
  const [batch, channels, height, width] = input.shape.map(fixed) as [Fixed, Fixed, Fixed, Fixed];
  if (channels !== null && channels !== 3) {
    const last = width === 3;
    throw refuseInput(
      last
        ? `${said}: channels last; export it with channels first, [batch, 3, height, width]`
        : `${said}; it must take 3 channels (red, green, blue), not ${channels}`,
    );
  }
  if ((height === null) !== (width === null)) {
    throw refuseInput(`${said}; export it with height and width both fixed or both free`);
  }
  return { name: input.name, batch, heightPx: height, widthPx: width };
}

type Fixed = number | null;

/** Free dimensions are names, or -1 or 0 in files of careless exporters. */
function fixed(dim: number | string): Fixed {
  return typeof dim === 'number' && dim > 0 ? dim : null;
}

function refuseInput(sentence: string): HistoloopError {
  return new HistoloopError('model-unusable', sentence);
}
