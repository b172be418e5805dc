/** Hands an address to the system's default browser: a program and its arguments, never a line for a shell. */
import { spawn } from 'node:child_process';

/** The program that opens an address on a platform; null where a Linux has no display to open it on. */
export function openerOf(
  platform: NodeJS.Platform,
  environment: Readonly<Record<string, string | undefined>>,
): readonly [program: string, ...args: string[]] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ['xdg-open'] : null;
}

/** True once the opener has started; false where there is none. What it does afterwards is its own affair. */
export function openAddress(url: string): Promise<boolean> {
  const opener = openerOf(process.platform, process.env);
  if (opener === null) return Promise.resolve(false);
  const [program, ...args] = opener;
  return new Promise((resolve) => {
    const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
    child.unref();
  });
}
