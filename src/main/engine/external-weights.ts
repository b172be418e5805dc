/**
 * Weights that lie in files beside a model. The model says where, and is not believed: only plain files in its own folder
 * are read, links followed to where they really lead, and only bytes that are there. Each weight is read once, to its place.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { HistoloopError } from '../../core/errors.ts';
import type { ExternalPlace } from '../../core/nn/onnx.ts';
import { MAX_MODEL_BYTES, refuse } from './model-file.ts';

export interface ExternalWeights {
  /** Error: `model-unusable`, naming the weight and the file. */
  read(place: ExternalPlace): Uint8Array;
  close(): void;
}

/** `modelPath`: absolute, links already followed. Open files stay open until `close`. */
export function externalWeights(modelPath: string): ExternalWeights {
  const folder = dirname(modelPath);
  const open = new Map<string, { file: number; size: number }>();
  let total = 0;
  return {
    read(place) {
      const { tensor, location, offset, length } = place;
      total += length;
      if (total > MAX_MODEL_BYTES) {
        throw refuse(
          `the weights beside the model have over ${(MAX_MODEL_BYTES / 1e9).toFixed(1)} GB; use a smaller network`,
        );
      }
      const found = open.get(location) ?? openBeside(folder, place);
      open.set(location, found);
      if (offset + length > found.size) {
        throw refuse(
          `${tensor} lies at bytes ${offset} to ${offset + length} of ${location}, which has only ${found.size}; copy that file again`,
        );
      }
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const read = readSync(found.file, bytes, at, length - at, offset + at);
        if (read === 0) throw refuse(`${location} became shorter while it was read; copy it again`);
        at += read;
      }
      return bytes;
    },
    close() {
      for (const { file } of open.values()) closeSync(file);
      open.clear();
    },
  };
}

function openBeside(folder: string, { tensor, location }: ExternalPlace): { file: number; size: number } {
  const outside = refuse(
    `${tensor} lies in '${location}', outside the model's folder; a model may only name files beside it`,
  );
  if (location.includes('\0') || isAbsolute(location) || /^[a-z]:|\\|^~/i.test(location)) throw outside;
  const path = resolve(folder, location);
  if (!liesIn(folder, path)) throw outside;
  const real = realOf(path, location);
  if (!liesIn(realpathSync(folder), real)) throw outside;
  // Asked before it is opened: a pipe would keep whoever opens it waiting.
  if (!statSync(real).isFile()) throw refuse(`${tensor} lies in '${location}', which is no plain file`);
  const file = openSync(real, 'r');
  return { file, size: fstatSync(file).size };
}

function liesIn(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !isAbsolute(way) && way.split(sep)[0] !== '..';
}

function realOf(path: string, location: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    const message = `the model's weights lie in '${location}' beside it, which is not there; copy that file into the same folder`;
    throw new HistoloopError('model-unusable', message, { cause });
  }
}
