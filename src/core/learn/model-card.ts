/**
 * What a model says about itself, as plain JSON that lies beside its ONNX file and travels with every version.
 * Predicting and fine-tuning read shapes, classes, scale and input values from here and guess nothing.
 * Must not open models or files.
 */
import { HistoloopError } from '../errors.ts';

/** Where training pixels came from, with the words their licence asks for. */
export interface DataSource {
  readonly name: string;
  readonly licence: string;
  readonly attribution: string;
  /** DOI or address of the source; null where there is none. */
  readonly reference: string | null;
  /** What was trained on and what was kept back. */
  readonly use: string;
}

/** One measured number, with what a plain method reached on the same pixels. */
export interface ModelScore {
  readonly data: string;
  readonly metric: string;
  readonly value: number;
  readonly fields: number;
  readonly peer: { readonly name: string; readonly value: number } | null;
}

/** value = (byte / 255 − mean) / deviation, per channel R, G, B. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

export interface ModelCard {
  readonly format: 'histoloop-model-card/1';
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly licence: string;
  readonly dataSources: readonly DataSource[];
  /** By output channel. The first is what is left when nothing else is there (background). */
  readonly classes: readonly string[];
  /** Micrometres per pixel that the model wants to see; null where that is unknown. */
  readonly pixelSizeUm: number | null;
  /** Why the pixel size should be doubted, or null. */
  readonly pixelSizeNote: string | null;
  readonly input: string;
  readonly output: string;
  /** Input [N,3,H,W] RGB float32, output [N,K,H,W] float32. */
  readonly layout: 'NCHW';
  readonly outputKind: 'logits' | 'probabilities';
  /** H and W of an input must be multiples of this. */
  readonly sizeMultiple: number;
  /** The only H and W the model takes, or null where every multiple of `sizeMultiple` fits. */
  readonly fixedSizePx: number | null;
  readonly normalisation: Normalisation;
  readonly trainingCommand: string | null;
  readonly scores: readonly ModelScore[];
  readonly limits: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

function fail(field: string, expected: string, value: unknown): never {
  const shown = JSON.stringify(value) ?? 'nothing';
  const short = shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
  throw new HistoloopError(
    'model-unusable',
    `model card: ${field} must be ${expected}, but is ${short}; correct the card`,
    {
      data: { field },
    },
  );
}

function asObject(value: unknown, field: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(field, 'an object', value);
  return value as Json;
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.trim() === '') fail(field, 'a text that is not empty', value);
  return value;
}

function textOrNull(value: unknown, field: string): string | null {
  return value === null || value === undefined ? null : text(value, field);
}

function finite(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) fail(field, 'a finite number', value);
  return value;
}

function positive(value: unknown, field: string): number {
  const number = finite(value, field);
  if (number <= 0) fail(field, 'greater than 0', value);
  return number;
}

function wholeUpTo(value: unknown, field: string, limit: number): number {
  const number = positive(value, field);
  if (!Number.isInteger(number) || number > limit) fail(field, `a whole number from 1 to ${limit}`, value);
  return number;
}

function list<T>(value: unknown, field: string, item: (value: unknown, field: string) => T): readonly T[] {
  if (!Array.isArray(value)) fail(field, 'a list', value);
  return value.map((entry, index) => item(entry, `${field}[${index}]`));
}

function oneOf<T extends string>(value: unknown, field: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) fail(field, allowed.map((name) => `"${name}"`).join(' or '), value);
  return value as T;
}

function threeNumbers(
  value: unknown,
  field: string,
  item: (value: unknown, field: string) => number,
): readonly [number, number, number] {
  const numbers = list(value, field, item);
  if (numbers.length !== 3) fail(field, 'three numbers (R, G, B)', value);
  return [numbers[0]!, numbers[1]!, numbers[2]!];
}

function normalisation(value: unknown): Normalisation {
  const json = asObject(value, 'normalisation');
  return {
    mean: threeNumbers(json.mean, 'normalisation.mean', finite),
    deviation: threeNumbers(json.deviation, 'normalisation.deviation', positive),
  };
}

function dataSource(value: unknown, field: string): DataSource {
  const json = asObject(value, field);
  return {
    name: text(json.name, `${field}.name`),
    licence: text(json.licence, `${field}.licence`),
    attribution: text(json.attribution, `${field}.attribution`),
    reference: textOrNull(json.reference, `${field}.reference`),
    use: text(json.use, `${field}.use`),
  };
}

function score(value: unknown, field: string): ModelScore {
  const json = asObject(value, field);
  const peer = json.peer === null || json.peer === undefined ? null : asObject(json.peer, `${field}.peer`);
  return {
    data: text(json.data, `${field}.data`),
    metric: text(json.metric, `${field}.metric`),
    value: finite(json.value, `${field}.value`),
    fields: wholeUpTo(json.fields, `${field}.fields`, 1e9),
    peer: peer && {
      name: text(peer.name, `${field}.peer.name`),
      value: finite(peer.value, `${field}.peer.value`),
    },
  };
}

function classes(value: unknown): readonly string[] {
  const names = list(value, 'classes', text);
  if (names.length < 2 || names.length > 127) fail('classes', 'a list of 2 to 127 names, background first', value);
  if (new Set(names).size !== names.length) fail('classes', 'a list of names that differ', value);
  return names;
}

/** Checks a card that came from a file. Errors: `model-unusable`, naming the field and what it should be. */
export function parseModelCard(json: unknown): ModelCard {
  const card = asObject(json, 'the card');
  const fixed = card.fixedSizePx ?? null;
  const pixelSize = card.pixelSizeUm ?? null;
  return {
    format: oneOf(card.format, 'format', ['histoloop-model-card/1']),
    name: text(card.name, 'name'),
    version: text(card.version, 'version'),
    description: text(card.description, 'description'),
    licence: text(card.licence, 'licence'),
    dataSources: list(card.dataSources, 'dataSources', dataSource),
    classes: classes(card.classes),
    pixelSizeUm: pixelSize === null ? null : positive(pixelSize, 'pixelSizeUm'),
    pixelSizeNote: textOrNull(card.pixelSizeNote, 'pixelSizeNote'),
    input: text(card.input, 'input'),
    output: text(card.output, 'output'),
    layout: oneOf(card.layout, 'layout', ['NCHW']),
    outputKind: oneOf(card.outputKind, 'outputKind', ['logits', 'probabilities']),
    sizeMultiple: wholeUpTo(card.sizeMultiple, 'sizeMultiple', 256),
    fixedSizePx: fixed === null ? null : wholeUpTo(fixed, 'fixedSizePx', 8192),
    normalisation: normalisation(card.normalisation),
    trainingCommand: textOrNull(card.trainingCommand, 'trainingCommand'),
    scores: list(card.scores, 'scores', score),
    limits: list(card.limits, 'limits', text),
  };
}
