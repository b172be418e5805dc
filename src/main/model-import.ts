/** What a user's model file with a card beside it needs to become a version: its bytes, and that card held against a trial run. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { HistoloopError, isHistoloopError } from '../core/errors.ts';
import { type ModelCard, parseModelCard } from '../core/learn/model-card.ts';
import type { ModelInspection } from './engine/engine.ts';
import { MAX_MODEL_BYTES } from './engine/model-file.ts';
import { whyUnfit } from './engine/unfit.ts';

/** Errors: `file-missing`, `model-unusable` (larger than an ONNX file can be). */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_MODEL_BYTES)
      throw new HistoloopError(
        'model-unusable',
        `${path} is larger than 2 GB, more than one ONNX file can be; use a smaller network`,
      );
    const bytes = await readFile(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (cause) {
    if (isHistoloopError(cause)) throw cause;
    const message = `the model file ${path} cannot be read; put it back, or check that you may read it`;
    throw new HistoloopError('file-missing', message, { cause });
  }
}

/** The card beside a user's model, `model.json` beside `model.onnx`, as text; null where there is none. */
export function cardBeside(path: string): Promise<string | null> {
  return readFile(besidePath(path), 'utf8').catch(() => null);
}

function besidePath(path: string): string {
  return `${path.slice(0, path.length - extname(path).length)}.json`;
}

/**
 * The card beside a model that is taken as it is, held against what a trial run shows.
 * Errors: `model-unusable`, `model-output-invalid`, each with what to do.
 */
export function checkedCard(path: string, text: string, found: ModelInspection): ModelCard {
  requireFitting(basename(path), found);
  try {
    const card = parseModelCard(JSON.parse(text));
    requireAgreement(card, found);
    return card;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${basename(besidePath(path))} beside the model is taken for its card: ${reason}; correct it, or move it away`;
    throw new HistoloopError('model-unusable', message, { cause });
  }
}

/** What the engine could run but predicting here cannot. */
function requireFitting(name: string, found: ModelInspection): void {
  const channels =
    'has one output channel; Histoloop wants one channel a class (background first), as logits or probabilities';
  const reason = found.classes < 2 ? channels : whyUnfit(found);
  if (reason !== null) throw new HistoloopError('model-unusable', `${name} ${reason}`);
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
