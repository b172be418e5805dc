/**
 * Shell 2: the workstation in the person's own browser, over the loopback server. Also an entry of the build
 * (`node out/main/serve.js`). Must not know what calls mean; the transport's rules live in loopback.
 */
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { isHistoloopError, toHistoloopError } from '../core/errors.ts';
import { createHandler } from './api.ts';
import { builtFolder } from './built-files.ts';
import { startLoopback } from './loopback.ts';
import { openAddress } from './open-address.ts';
import type { ProviderChoice } from './settings.ts';
import { parseShellArguments } from './shell-arguments.ts';
import { openWorkstation } from './workstation.ts';

export interface ServeOptions {
  /** Made where it does not exist. */
  readonly projectFolder: string;
  readonly folders?: readonly string[];
  /** An empty project gets the demo slide and a first prediction. */
  readonly furnish?: boolean;
  /** Nothing is written; edits are refused in words. */
  readonly readOnly?: boolean;
  readonly port?: number;
  readonly provider?: ProviderChoice | null;
  /** See WorkstationOptions. */
  readonly settingsFile?: string | null;
  /** Default: the built window. */
  readonly rendererFolder?: string;
}

export interface Served {
  /** The launch address, with its token. */
  readonly url: string;
  /** A launch address that works once; see Loopback. */
  launchOnce(): string;
  /** Ends the server, then the jobs, the engine and the store. */
  close(): Promise<void>;
}

const closeDeadlineMs = 15_000;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Opens the project and serves it. Errors: those of openWorkstation and of startLoopback; nothing is left running then. */
export async function serve(options: ServeOptions): Promise<Served> {
  const rendererFolder = options.rendererFolder ?? builtFolder('renderer');
  const workstation = await openWorkstation({
    projectFolder: options.projectFolder,
    shell: 'browser',
    folders: options.folders ?? [],
    furnish: options.furnish ?? false,
    readOnly: options.readOnly ?? false,
    settingsFile: options.settingsFile ?? null,
    engine: options.provider ? { provider: options.provider } : {},
  });
  try {
    const handler = createHandler(workstation);
    const loopback = await startLoopback({ handler, rendererFolder, port: options.port ?? 0 });
    const close = async () => {
      await loopback.close();
      await workstation.close();
    };
    return { url: loopback.url, launchOnce: loopback.launchOnce, close };
  } catch (error) {
    await workstation.close();
    throw error;
  }
}

/** Serves until the person stops the program; prints the address, opens it where asked. Answers the exit status. */
export async function serveUntilStopped(options: ServeOptions & { readonly openBrowser: boolean }): Promise<number> {
  const served = await serve(options);
  const stopped = waitForStop();
  console.log(`histoloop: ${served.url}`);
  if (options.openBrowser && !(await openAddress(served.launchOnce()))) {
    console.error('histoloop: no browser could be opened; open the address above yourself');
  }
  await stopped;
  const deadline = setTimeout(() => {
    console.error(`histoloop: did not close within ${closeDeadlineMs / 1000} s, so it ends now; saved work is safe`);
    process.exit(1);
  }, closeDeadlineMs);
  await served.close();
  clearTimeout(deadline);
  return 0;
}

/** Ctrl+C may arrive twice (from the terminal and from npm): only the first counts, the deadline ends a stuck close. */
function waitForStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of stopSignals) process.on(signal, () => resolve());
  });
}

/** The demo project of this user: kept between launches, so that what was corrected in it is still there. */
export function demoProjectFolder(): string {
  return join(dataFolder(), 'demo');
}

function dataFolder(): string {
  const home = homedir();
  const bases: Partial<Record<NodeJS.Platform, string>> = {
    darwin: join(home, 'Library', 'Application Support'),
    win32: process.env.APPDATA ?? join(home, 'AppData', 'Roaming'),
  };
  const base = bases[process.platform] ?? process.env.XDG_DATA_HOME ?? join(home, '.local', 'share');
  return join(base, 'histoloop');
}

/** `histoloop serve …`: the named project, else this person's demo project. Errors: `bad-input`, those of `serve`. */
export async function serveCommand(args: readonly string[]): Promise<number> {
  const { projectFolder, ...options } = parseShellArguments(args);
  const furnish = projectFolder === null && !options.readOnly;
  const settingsFile = join(dataFolder(), 'settings.json');
  return serveUntilStopped({ ...options, furnish, settingsFile, projectFolder: projectFolder ?? demoProjectFolder() });
}

async function main(): Promise<number> {
  try {
    return await serveCommand(process.argv.slice(2));
  } catch (error) {
    if (!isHistoloopError(error)) console.error(error);
    console.error(`histoloop: ${toHistoloopError(error).message}`);
    return isHistoloopError(error) && error.code === 'bad-input' ? 2 : 1;
  }
}

/** By name and not by `import.meta.main`: the build may move this module into a chunk that cli.js shares. */
if (/^serve\.[jt]s$/.test(basename(process.argv[1] ?? ''))) process.exit(await main());
