/** What a user's model file needs to become a version: its bytes, and a card (beside it, or from a trial run). It stores nothing. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { HistoloopError, isHistoloopError } from '../core/errors.ts';
import { type ModelCard, parseModelCard } from '../core/learn/model-card.ts';
import type { Engine, ModelInspection } from './engine/engine.ts';

const LARGEST_MODEL_BYTES = 2 ** 31 - 1;

/** Errors: `file-missing`, `model-unusable` (larger than an ONNX file can be). */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_MODEL_BYTES) throw new HistoloopError('model-unusable', `${path} is larger than 2 GB`);
    const bytes = await readFile(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (cause) {
    if (isHistoloopError(cause)) throw cause;
    const message = `the model file ${path} cannot be read; put it back, or check that you may read it`;
    throw new HistoloopError('file-missing', message, { cause });
  }
}

/**
 * The card beside a user's model (`model.json` beside `model.onnx`), held against what a trial run shows; without one,
 * what the trial run shows. Errors: `model-unusable`, `model-output-invalid`, each with what to do.
 */
export async function cardOfFile(path: string, bytes: Uint8Array, engine: Engine): Promise<ModelCard> {
  const found = await engine.inspect(bytes);
  requireFitting(basename(path), found);
  const beside = `${path.slice(0, path.length - extname(path).length)}.json`;
  const text = await readFile(beside, 'utf8').catch(() => null);
  if (text === null) return cardOfTrial(basename(path, extname(path)), found);
  try {
    const card = parseModelCard(JSON.parse(text));
    requireAgreement(card, found);
    return card;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${basename(beside)} beside the model is taken for its card: ${reason}; correct it, or move it away`;
    throw new HistoloopError('model-unusable', message, { cause });
  }
}

/** What the engine could run but predicting here cannot. */
function requireFitting(name: string, { classes, fixedBatch, fixedSize }: ModelInspection): void {
  const refuse = (reason: string) => {
    throw new HistoloopError('model-unusable', `${name} ${reason}`);
  };
  if (classes < 2) {
    refuse(
      'has one output channel; Histoloop wants one channel a class (background first), as logits or probabilities',
    );
  }
  if (fixedSize && fixedSize.heightPx !== fixedSize.widthPx) {
    refuse(
      `takes only pictures of ${fixedSize.widthPx}×${fixedSize.heightPx}; export it for square ones, or with free height and width`,
    );
  }
  if (fixedBatch !== null && !(fixedBatch === 1 && fixedSize)) {
    refuse(`takes pictures only ${fixedBatch} at a time; export it with a free batch size`);
  }
}

function requireAgreement(card: ModelCard, found: ModelInspection): void {
  const fixedPx = found.fixedSize?.heightPx ?? null;
  const differences = [
    card.classes.length !== found.classes && `it names ${card.classes.length} classes, the model has ${found.classes}`,
    card.input !== found.inputName && `it calls the input ${card.input}, the model ${found.inputName}`,
    card.output !== found.outputName && `it calls the output ${card.output}, the model ${found.outputName}`,
    card.fixedSizePx !== fixedPx &&
      `it says the size is ${card.fixedSizePx ?? 'free'}, the model takes ${fixedPx ?? 'any'}`,
    card.sizeMultiple % found.sizeMultiple !== 0 &&
      `it says sizes are multiples of ${card.sizeMultiple}, the model wants ${found.sizeMultiple}`,
  ].filter((difference) => difference !== false);
  if (differences.length > 0) throw new HistoloopError('model-unusable', differences.join('; '));
}

function cardOfTrial(name: string, found: ModelInspection): ModelCard {
  return parseModelCard({
    format: 'histoloop-model-card/1',
    name,
    version: '1',
    description: 'imported without a card',
    licence: 'unknown',
    dataSources: [],
    classes: Array.from({ length: found.classes }, (_, index) => (index === 0 ? 'Background' : `Class ${index}`)),
    pixelSizeUm: null,
    pixelSizeNote: 'the file does not say at which pixel size the model was trained',
    input: found.inputName,
    output: found.outputName,
    layout: 'NCHW',
    outputKind: found.values,
    sizeMultiple: found.sizeMultiple,
    fixedSizePx: found.fixedSize?.heightPx ?? null,
    normalisation: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    trainingCommand: null,
    scores: [],
    limits: ['imported without a card: classes and input values are assumed'],
  });
}
