/** Turns what the file system says into what a person can do about it. */
import { type ErrorCode, HistoloopError, isHistoloopError } from '../../core/errors.ts';

/** Tagged errors pass through; file system errors get a code, the folder and a remedy; anything else is `internal`. */
export function toDiskError(error: unknown, folder: string): HistoloopError {
  if (isHistoloopError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [tag, remedy] = REMEDIES[code] ?? ['internal', String(error)];
  return new HistoloopError(tag, `could not write to ${folder}: ${remedy}`, { cause: error, data: { folder, code } });
}

const REMEDIES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ['disk-full', 'the disk is full; free some space or choose another disk'],
  EDQUOT: ['disk-full', 'your quota on this disk is used up; free some space or choose another disk'],
  EROFS: ['disk-read-only', 'the disk is read-only; choose another one'],
  EACCES: ['disk-read-only', 'you may not write there; choose another folder'],
  EPERM: ['disk-read-only', 'you may not write there; choose another folder'],
  EEXIST: ['bad-input', 'a part of the path is a file; choose another folder'],
  ENOTDIR: ['bad-input', 'a part of the path is a file; choose another folder'],
  ENAMETOOLONG: ['bad-input', 'the path is too long; choose a shorter one'],
  ENOENT: ['file-missing', 'the folder above it cannot be made; choose another one'],
};
