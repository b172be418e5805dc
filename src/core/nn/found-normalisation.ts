/**
 * How a network wants its pixels, as far as its file tells: from the arithmetic it begins with, or from its metadata.
 * What it does itself must not be done to the picture a second time.
 */
import type { Node, OnnxModel } from './graph.ts';
import { valuesUsed } from './rename.ts';

export type Three = readonly [number, number, number];

export interface FoundNormalisation {
  /** value = (byte / 255 − mean) / deviation, per channel R, G, B. */
  readonly mean: Three;
  readonly deviation: Three;
  /** How it was found, in words. */
  readonly why: string;
}

/** Null where the file says nothing: then a person must be asked. */
export function foundNormalisation(model: OnnxModel, inputName: string): FoundNormalisation | null {
  return fromMetadata(model.metadata) ?? fromBeginning(model, inputName);
}

const STEPS: ReadonlySet<string> = new Set(['Add', 'Cast', 'Div', 'Identity', 'Mul', 'Sub', 'Transpose']);
const ARITHMETIC: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub']);
/** Beyond this a mean or deviation can only be meant for bytes. */
const BYTES_FROM = 3;

/** y = x·gain + shift, as the first nodes compute it, of the first channel. */
function fromBeginning(model: OnnxModel, inputName: string): FoundNormalisation | null {
  let [value, gain, shift, seen] = [inputName, 1, 0, false];
  for (let steps = 0; steps < 16; steps++) {
    const users = model.graph.nodes.filter((node) => valuesUsed(node).includes(value));
    const [node] = users;
    if (users.length !== 1 || !STEPS.has(node.op) || node.domain !== '') break;
    if (ARITHMETIC.has(node.op)) {
      const constant = constantBeside(model, node, value);
      if (constant === null) break;
      [gain, shift] = afterStep(node, constant, { gain, shift, reversed: node.inputs[1] === value });
      seen = true;
    }
    value = node.outputs[0];
  }
  if (!seen || gain === 0 || !Number.isFinite(gain) || !Number.isFinite(shift)) return null;
  const [mean, deviation] = [-shift / gain, Math.abs(1 / gain)];
  const bytes = Math.abs(mean) > BYTES_FROM || deviation > BYTES_FROM;
  const why = `the network itself begins with ${bytes ? 'arithmetic on values of 0 to 255' : 'arithmetic on values of 0 to 1'}`;
  return { ...(bytes ? BYTES : UNIT), why };
}

const UNIT = { mean: [0, 0, 0], deviation: [1, 1, 1] } as const;
const BYTES = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] } as const;

function constantBeside({ graph }: OnnxModel, node: Node, value: string): number | null {
  const other = node.inputs.find((name) => name !== value);
  const tensor = other === undefined ? undefined : graph.initialisers.get(other);
  return tensor && tensor.data.length <= 4 && tensor.data.length > 0 ? Number(tensor.data[0]) : null;
}

interface Affine {
  readonly gain: number;
  readonly shift: number;
  /** The picture is the second operand. */
  readonly reversed: boolean;
}

function afterStep({ op }: Node, constant: number, { gain, shift, reversed }: Affine): [gain: number, shift: number] {
  if (op === 'Add') return [gain, shift + constant];
  if (op === 'Mul') return [gain * constant, shift * constant];
  if (op === 'Sub') return reversed ? [-gain, constant - shift] : [gain, shift - constant];
  return reversed ? [Number.NaN, Number.NaN] : [gain / constant, shift / constant];
}

/** Keys that exporters and training scripts use; values are JSON lists of three. */
function fromMetadata(metadata: ReadonlyMap<string, string>): FoundNormalisation | null {
  const lower = new Map([...metadata].map(([key, value]) => [key.toLowerCase(), value]));
  const mean = three(lower.get('mean') ?? lower.get('image_mean') ?? lower.get('pixel_mean'));
  const deviation = three(lower.get('std') ?? lower.get('image_std') ?? lower.get('pixel_std'));
  if (mean === null || deviation === null || deviation.some((value) => value <= 0)) return null;
  const bytes = [...mean, ...deviation].some((value) => value > BYTES_FROM);
  const scaled = (values: Three): Three => (bytes ? [values[0] / 255, values[1] / 255, values[2] / 255] : values);
  return { mean: scaled(mean), deviation: scaled(deviation), why: 'the file’s metadata gives mean and deviation' };
}

function three(text: string | undefined): Three | null {
  const numbers = (text ?? '').match(/-?\d+(\.\d+)?([eE][-+]?\d+)?/g)?.map(Number) ?? [];
  return numbers.length === 3 && numbers.every(Number.isFinite) ? [numbers[0], numbers[1], numbers[2]] : null;
}

/** Class names as exporters note them: a JSON list, or `{0: 'name', …}`. Null where there are none. */
export function foundClasses(metadata: ReadonlyMap<string, string>): readonly string[] | null {
  for (const key of ['classes', 'class_names', 'names', 'labels']) {
    const text = [...metadata].find(([name]) => name.toLowerCase() === key)?.[1];
    const names = text?.match(/"[^"]+"|'[^']+'/g)?.map((name) => name.slice(1, -1).trim()) ?? [];
    const words = names.filter((name) => name !== '' && !/^\d+$/.test(name));
    if (words.length > 0 && new Set(words).size === words.length) return words;
  }
  return null;
}

/** Micrometres per pixel, where the metadata says. */
export function foundPixelSize(metadata: ReadonlyMap<string, string>): number | null {
  for (const key of ['mpp', 'pixel_size_um', 'pixelsizeum', 'resolution_um', 'microns_per_pixel']) {
    const text = [...metadata].find(([name]) => name.toLowerCase() === key)?.[1];
    const value = Number(text);
    if (text !== undefined && value >= 0.01 && value <= 100) return value;
  }
  return null;
}
