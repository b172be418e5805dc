/** What each call's input must look like: one row per call, checked once at the door. The types force the table to be complete. */
import { z } from 'zod';
import type { InputOf, Noun, Verb } from '../core/contract.ts';

const MAX_POINTS = 2_000_000;
const nothing = z.undefined();
const text = z.string().min(1).max(200);
const id = z.string().min(1).max(200);
const path = z.string().min(1).max(4096);
const finite = z.number().min(-1e9).max(1e9);
const classId = z.int().min(0).max(127);
const color = z.string().regex(/^#[0-9a-fA-F]{6}$/);
const points = z
  .array(finite)
  .min(2)
  .max(MAX_POINTS)
  .refine((list) => list.length % 2 === 0, 'points come in pairs of x and y');
const rect = z.strictObject({ x: finite, y: finite, width: finite.positive(), height: finite.positive() });
const byRequest = z.strictObject({ slideId: id, requestId: id });
const byJob = z.strictObject({ jobId: id });

const operation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stroke'), points, radius: z.number().positive().max(1e6), label: classId }),
  z.strictObject({ kind: z.literal('polygon'), points, label: classId }),
  z.strictObject({ kind: z.literal('accept'), points, predictionLayerId: z.int().positive() }),
]);

const wiring = {
  output: z.string().min(1).max(2000),
  activation: z.enum(['softmax', 'sigmoid']),
  channelOrder: z.enum(['rgb', 'bgr']),
};
const modelChoices = z.strictObject({
  ...wiring,
  name: text,
  normalisation: z.strictObject({
    mean: z.array(finite).length(3),
    deviation: z.array(z.number().min(1e-6).max(1e6)).length(3),
  }),
  pixelSizeUm: z.number().min(0.01).max(100).nullable(),
  classes: z.array(text).min(2).max(127),
});

type Schemas = { readonly [N in Noun]: { readonly [V in Verb<N>]: z.ZodType<InputOf<N, V>> } };

export const schemas: Schemas = {
  app: { status: nothing, events: nothing },
  engine: { truth: nothing, measure: nothing, choose: z.strictObject({ provider: z.string().min(1).max(20) }) },
  project: {
    get: nothing,
    update: z.strictObject({ name: text.optional(), user: text.optional() }),
    saveClass: z.strictObject({ id: classId.min(1).nullable(), name: text, color }),
  },
  slide: {
    get: z.strictObject({ slideId: id }),
    add: z.strictObject({ path }),
    browse: z.strictObject({ folder: path.nullable() }),
    setPixelSize: z.strictObject({ slideId: id, pixelSizeUm: z.number().min(0.01).max(100) }),
  },
  mask: {
    edit: z.strictObject({
      slideId: id,
      requestId: id,
      operation,
      predictionLayerId: z.int().positive().nullable(),
      tool: text,
    }),
    undo: byRequest,
    redo: byRequest,
    history: z.strictObject({ slideId: id, limit: z.int().min(1).max(10_000) }),
    importFile: z.strictObject({
      slideId: id,
      requestId: id,
      path,
      classes: z.record(z.string().max(200), classId.min(1)).nullable(),
    }),
    tiles: z.strictObject({ layerId: z.int().positive() }),
  },
  model: {
    list: nothing,
    activate: z.strictObject({ modelId: id }),
    examine: z.strictObject({ path, choices: z.strictObject(wiring).nullable() }),
    trial: z.strictObject({ path, choices: modelChoices, slideId: id, x: finite, y: finite }),
    import: z.strictObject({ path, choices: modelChoices.nullish() }),
  },
  predict: {
    start: z.strictObject({
      slideId: id,
      region: rect.nullable(),
      modelId: id.nullable(),
      eightBit: z.boolean().optional(),
    }),
  },
  train: {
    start: z.strictObject({
      steps: z.int().min(1).max(100_000).nullable(),
      seed: z.int().min(0).max(4294967295).nullable(),
    }),
  },
  export: {
    start: z.strictObject({
      slideIds: z.array(id).min(1).max(100_000),
      formats: z.array(z.enum(['geojson', 'label-png', 'label-tiff', 'coco'])).min(1),
      folder: path.nullable(),
    }),
  },
  job: { list: nothing, cancel: byJob, resume: byJob },
};
