/**
 * What a person chose for this machine, not for a project: which provider computes. One small JSON file; a missing, damaged
 * or unknown one means the defaults.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toDiskError } from './dataset/disk-errors.ts';
import type { EngineOptions } from './engine/engine.ts';

export type ProviderChoice = NonNullable<EngineOptions['provider']>;

const choices: Readonly<Record<ProviderChoice, true>> = {
  auto: true,
  cpu: true,
  webgpu: true,
  cuda: true,
  dml: true,
  coreml: true,
};

export const providerChoices = Object.keys(choices) as readonly ProviderChoice[];

export function isProviderChoice(word: unknown): word is ProviderChoice {
  return typeof word === 'string' && Object.hasOwn(choices, word);
}

export interface Settings {
  provider(): Promise<ProviderChoice>;
  /** Errors: `disk-full`, `disk-read-only`. */
  setProvider(provider: ProviderChoice): Promise<void>;
}

const DEFAULT_PROVIDER: ProviderChoice = 'cpu';

/** `file` null: nothing is kept. */
export function createSettings(file: string | null): Settings {
  return {
    async provider() {
      if (file === null) return DEFAULT_PROVIDER;
      try {
        const { provider } = JSON.parse(await readFile(file, 'utf8'));
        return isProviderChoice(provider) ? provider : DEFAULT_PROVIDER;
      } catch {
        return DEFAULT_PROVIDER;
      }
    },
    async setProvider(provider) {
      if (file === null) return;
      try {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(`${file}.part`, `${JSON.stringify({ provider })}\n`);
        await rename(`${file}.part`, file);
      } catch (error) {
        throw toDiskError(error, dirname(file));
      }
    },
  };
}
