/** Words of the command line: which options a command takes, checked, with sentences for what is wrong. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { HistoloopError } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Parsed {
  readonly values: Values;
  readonly positionals: readonly string[];
}

/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {}

export function parse(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function text(values: Values, name: string): string | null {
  const value = values[name];
  return typeof value === 'string' ? value : null;
}

export function needed(values: Values, name: string): string {
  const value = text(values, name);
  if (value === null || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

export function texts(values: Values, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** From `least` to 999,999,999. */
export function whole(values: Values, name: string, otherwise: number, least = 0): number {
  const value = text(values, name);
  if (value === null) return otherwise;
  if (!/^\d{1,9}$/.test(value) || Number(value) < least) {
    const from = least > 0 ? ` from ${least}` : '';
    throw new UsageError(`--${name} takes a whole number${from}, not «${value}»`);
  }
  return Number(value);
}

/** `x,y,width,height` in level-0 pixels. */
export function region(values: Values): Rect | null {
  const value = text(values, 'region');
  if (value === null) return null;
  const numbers = value.split(',').map(Number);
  const [x, y, width, height] = numbers;
  const fine = numbers.length === 4 && numbers.every(Number.isFinite) && width! > 0 && height! > 0;
  if (!fine) throw new UsageError(`--region takes x,y,width,height in full-resolution pixels, not «${value}»`);
  return { x: x!, y: y!, width: width!, height: height! };
}

/** `name=Class` pairs: what the file calls a class → what the project calls it. */
export function pairs(values: Values, name: string): Readonly<Record<string, string>> | null {
  const list = texts(values, name);
  if (list.length === 0) return null;
  return Object.fromEntries(
    list.map((item) => {
      const at = item.indexOf('=');
      if (at < 0)
        throw new HistoloopError('bad-input', `--${name} takes «name in the file=class of the project», not «${item}»`);
      return [item.slice(0, at), item.slice(at + 1)];
    }),
  );
}
