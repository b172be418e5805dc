/**
 * The annotated nuclei fields of ../shared/data as the built-in model sees them: half the stored resolution, nucleus or not,
 * and which of them no training may touch. Nothing of the data is written anywhere.
 */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NOTHING } from '../../src/core/label.ts';
import type { TrainingBlock } from '../../src/core/learn/blocks.ts';
import { createRandom } from '../../src/core/random.ts';
import type { RgbImage } from '../../src/core/slide.ts';
import { readLabelImage, readRgbImage } from '../../src/main/slide/image-codec.ts';

export const BACKGROUND_LABEL = 1;
export const NUCLEUS_LABEL = 2;
/** Label of each channel of the built-in model. */
export const NUCLEI_CLASS_IDS = [BACKGROUND_LABEL, NUCLEUS_LABEL];

/** Organs that no built-in training sees: the head-and-neck ones, which fine-tuning is tested on. */
export const UNSEEN_ORGANS = ['human-salivary-gland', 'human-tongue'];
const SPLIT_SEED = 20240301;

export interface Field {
  readonly organ: string;
  readonly name: string;
  readonly imagePath: string;
  readonly labelPath: string;
}

export interface FieldSplit {
  readonly train: readonly Field[];
  /** A seeded fifth of the fields of organs that training sees. */
  readonly unseenFields: readonly Field[];
  /** All fields of organs that training never sees. */
  readonly unseenOrgans: readonly Field[];
}

/** Every field of a data folder in a fixed order. */
export function listFields(data: string): Field[] {
  const root = join(data, 'annotated', 'nuinsseg');
  const fields: Field[] = [];
  for (const organ of readdirSync(root).sort()) {
    for (const file of readdirSync(join(root, organ, 'images')).sort()) {
      const name = basename(file, '.png');
      const labelPath = join(root, organ, 'labels', `${name}.tif`);
      fields.push({ organ, name, imagePath: join(root, organ, 'images', file), labelPath });
    }
  }
  return fields;
}

/** The one split that training, scores and tests share; the same on every machine. */
export function splitFields(fields: readonly Field[]): FieldSplit {
  const seen = fields.filter((field) => !UNSEEN_ORGANS.includes(field.organ));
  const shuffled = createRandom(SPLIT_SEED).shuffle([...seen]);
  const count = Math.round(shuffled.length / 5);
  return {
    train: shuffled.slice(count),
    unseenFields: shuffled.slice(0, count),
    unseenOrgans: fields.filter((field) => UNSEEN_ORGANS.includes(field.organ)),
  };
}

/** The colour brightfield pictures of DSB 2018 stage 1 (CC0) in a fixed order; all for training. */
export function listBrightfield(data: string): Field[] {
  const root = join(data, 'annotated', 'dsb2018-brightfield');
  return readdirSync(root)
    .sort()
    .flatMap((organ) =>
      readdirSync(join(root, organ, 'images'))
        .sort()
        .map((file) => ({
          organ,
          name: basename(file, '.png'),
          imagePath: join(root, organ, 'images', file),
          labelPath: join(root, organ, 'labels', file),
        })),
    );
}

/** A field at half its stored resolution, every pixel labelled Background (1) or Nucleus (2). */
export async function readField(field: Field): Promise<TrainingBlock> {
  const [image, label] = await Promise.all([readRgbImage(field.imagePath), readLabelImage(field.labelPath)]);
  const nucleus = Uint8Array.from(label.data, (instance) => (instance === NOTHING ? 0 : 1));
  return {
    key: `${field.organ}/${field.name}`,
    image: halveImage(image),
    human: halveLabels(nucleus, label.width, label.height),
    predicted: null,
  };
}

/** Means of 2×2 pixels. */
export function halveImage({ width, height, data }: RgbImage): RgbImage {
  const half = { width: width >> 1, height: height >> 1, data: new Uint8Array((width >> 1) * (height >> 1) * 3) };
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      for (let c = 0; c < 3; c++) {
        const i = (2 * y * width + 2 * x) * 3 + c;
        const sum = data[i]! + data[i + 3]! + data[i + width * 3]! + data[i + width * 3 + 3]!;
        half.data[(y * half.width + x) * 3 + c] = (sum + 2) >> 2;
      }
    }
  }
  return half;
}

/** Nucleus where at least two of the 2×2 pixels are. */
function halveLabels(nucleus: Uint8Array, width: number, height: number): Uint8Array {
  const [halfWidth, halfHeight] = [width >> 1, height >> 1];
  const labels = new Uint8Array(halfWidth * halfHeight);
  for (let y = 0; y < halfHeight; y++) {
    for (let x = 0; x < halfWidth; x++) {
      const i = 2 * y * width + 2 * x;
      const count = nucleus[i]! + nucleus[i + 1]! + nucleus[i + width]! + nucleus[i + width + 1]!;
      labels[y * halfWidth + x] = count >= 2 ? NUCLEUS_LABEL : BACKGROUND_LABEL;
    }
  }
  return labels;
}
