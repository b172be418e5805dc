/** The words after the program's name that both windowed shells understand. Must not open or check anything. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HistoloopError } from '../core/errors.ts';
import { isProviderChoice, type ProviderChoice, providerChoices } from './settings.ts';

export interface ShellArguments {
  /** Absolute; null where none was named. */
  readonly projectFolder: string | null;
  /** Folders that the window may name files in, absolute. */
  readonly folders: readonly string[];
  /** 0 lets the system choose. */
  readonly port: number;
  readonly openBrowser: boolean;
  /** Look only: nothing is written. */
  readonly readOnly: boolean;
  readonly provider: ProviderChoice | null;
}

export const usage =
  'usage: [--project DIR] [--folder DIR]… [--port N] [--no-open] [--read-only] [--provider auto|cpu|webgpu|cuda|dml|coreml]';

/** `lenient` passes over words that are not ours: Electron's command line also carries Chromium's. Errors: `bad-input`. */
export function parseShellArguments(args: readonly string[], lenient = false): ShellArguments {
  const values = readOptions(args, lenient);
  const port = Number(values.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new HistoloopError('bad-input', `--port ${values.port} is not a port; give a whole number up to 65535`);
  }
  const provider = values.provider === undefined ? null : parseProvider(values.provider);
  return {
    projectFolder: values.project === undefined ? null : resolve(values.project),
    folders: (values.folder ?? []).map((folder) => resolve(folder)),
    port,
    openBrowser: values['no-open'] !== true,
    readOnly: values['read-only'] === true,
    provider,
  };
}

/** Errors: `bad-input`. */
export function parseProvider(word: string): ProviderChoice {
  if (isProviderChoice(word)) return word;
  throw new HistoloopError('bad-input', `--provider ${word} is not known; use ${providerChoices.join(', ')}`);
}

interface Options {
  readonly project?: string;
  readonly folder?: string[];
  readonly port?: string;
  readonly provider?: string;
  readonly 'no-open'?: boolean;
  readonly 'read-only'?: boolean;
}

function readOptions(args: readonly string[], lenient: boolean): Options {
  const options = {
    project: { type: 'string' },
    folder: { type: 'string', multiple: true },
    port: { type: 'string' },
    provider: { type: 'string' },
    'no-open': { type: 'boolean' },
    'read-only': { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options, strict: !lenient, allowPositionals: lenient });
    for (const name of ['project', 'port', 'provider'] as const) requireText(values, name);
    return values as Options;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HistoloopError('bad-input', `${message}; ${usage}`, { cause });
  }
}

/** Lenient parsing reads a valueless `--project` as a flag. */
function requireText(values: Readonly<Record<string, unknown>>, name: string): void {
  if (values[name] === true) throw new Error(`--${name} wants a value`);
}
