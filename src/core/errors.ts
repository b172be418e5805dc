/**
 * Tagged errors: everything the world can do wrong has a code, a sentence that says what to do, and data.
 * Our own bugs use `assert` and stay plain errors.
 */

/** Every code a caller may branch on. The window shows `message`; it never shows a stack. */
export type ErrorCode =
  | 'bad-input'
  | 'not-found'
  | 'file-missing'
  | 'file-unreadable'
  | 'slide-unsupported'
  | 'slide-damaged'
  | 'tile-damaged'
  | 'model-unusable'
  | 'model-output-invalid'
  | 'engine-died'
  | 'provider-unavailable'
  | 'store-locked'
  | 'store-newer'
  | 'store-damaged'
  | 'disk-full'
  | 'disk-read-only'
  | 'training-diverged'
  | 'nothing-to-learn'
  | 'conflict'
  | 'cancelled'
  | 'forbidden'
  | 'internal';

/** An error of the world's: `code` for machines, `message` for people, `data` for both. */
export class HistoloopError extends Error {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; data?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HistoloopError';
    this.code = code;
    this.data = options.data ?? {};
  }
}

/** Narrows an unknown thrown value to a tagged error. */
export function isHistoloopError(value: unknown): value is HistoloopError {
  return value instanceof Error && value.name === 'HistoloopError' && 'code' in value;
}

/** Coerces a stranger into a tagged error; tagged errors pass through unchanged. */
export function toHistoloopError(value: unknown, code: ErrorCode = 'internal'): HistoloopError {
  if (isHistoloopError(value)) return value;
  const message = value instanceof Error ? value.message : String(value);
  return new HistoloopError(code, message, { cause: value });
}

/** A plain form of a tagged error that survives a process border. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function toPlainError(value: unknown): PlainError {
  const error = toHistoloopError(value);
  return { code: error.code, message: error.message, data: error.data };
}

export function fromPlainError(plain: PlainError): HistoloopError {
  return new HistoloopError(plain.code, plain.message, { data: { ...plain.data } });
}

/** Fails with a plain error: a broken promise of our own code, never of a user's input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}

/** Closes a union: the compiler fails where a kind was forgotten. */
export function never(value: never): never {
  throw new Error(`bug: unexpected value ${JSON.stringify(value)}`);
}
