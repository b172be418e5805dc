/** The ways in which networks want their pixels, by name. */
import type { ModelChoices } from '../../core/contract.ts';
import { texts } from '../texts.ts';

type Normalisation = ModelChoices['normalisation'];

export interface InputValues {
  readonly key: string;
  readonly label: string;
  readonly normalisation: Normalisation;
}

const three = (value: number) => [value, value, value];
const t = texts.importModel.presets;

/** value = (byte / 255 − mean) / deviation. */
const PRESETS: readonly InputValues[] = [
  { key: 'unit', label: t.unit, normalisation: { mean: three(0), deviation: three(1) } },
  {
    key: 'imagenet',
    label: t.imagenet,
    normalisation: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  },
  { key: 'signed', label: t.signed, normalisation: { mean: three(0.5), deviation: three(0.5) } },
  { key: 'bytes', label: t.bytes, normalisation: { mean: three(0), deviation: three(1 / 255) } },
];

/** The presets, and before them what the file itself says where that is none of them. */
export function presetsFor(suggested: Normalisation): readonly InputValues[] {
  if (PRESETS.some(({ normalisation }) => same(normalisation, suggested))) return PRESETS;
  return [{ key: 'found', label: t.found, normalisation: suggested }, ...PRESETS];
}

export function presetOf(presets: readonly InputValues[], chosen: Normalisation): string | null {
  return presets.find(({ normalisation }) => same(normalisation, chosen))?.key ?? null;
}

function same(a: Normalisation, b: Normalisation): boolean {
  const close = (x: readonly number[], y: readonly number[]) => x.every((value, i) => Math.abs(value - y[i]!) < 1e-6);
  return close(a.mean, b.mean) && close(a.deviation, b.deviation);
}
