/** `npm start`: installs and builds what is missing, then opens the workstation: Electron where it can, else a browser. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, environment, root } from './setup.mjs';

const args = process.argv.slice(2);
const node = ensureReady();

function electronBinary() {
  const folder = join(root, 'node_modules', 'electron');
  const pathFile = join(folder, 'path.txt');
  if (!existsSync(pathFile)) return null;
  const binary = join(
    process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(folder, 'dist'),
    readFileSync(pathFile, 'utf8').trim(),
  );
  return existsSync(binary) ? binary : null;
}

/** Tries once a week at most: a workstation that is offline for good should not wait at every start. */
function fetchElectron() {
  const note = join(root, 'node_modules', '.histoloop-no-electron');
  if (existsSync(note) && Date.now() - statSync(note).mtimeMs < 7 * 24 * 3600_000) return null;
  console.error('histoloop: fetching Electron (once; Ctrl+C and «npm start -- --browser» do without) …');
  const installer = join(root, 'node_modules', 'electron', 'install.js');
  spawnSync(node, [installer], { cwd: root, env: environment(node), stdio: ['ignore', 2, 'ignore'], timeout: 300_000 });
  const binary = electronBinary();
  if (!binary) writeFileSync(note, '');
  return binary;
}

/** The Electron binary, or the sentence that says why the browser is used instead. */
function chooseShell() {
  if (args.includes('--browser') || args.includes('--no-open')) return { reason: 'the browser shell was asked for' };
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    return { reason: 'there is no display for Electron' };
  }
  if (process.platform === 'linux' && process.getuid?.() === 0) return { reason: 'Electron does not run as root' };
  const binary = electronBinary() ?? fetchElectron();
  return binary
    ? { binary }
    : { reason: 'Electron’s program is not installed and could not be fetched (npm run electron:install tries again)' };
}

const shell = chooseShell();
const rest = args.filter((arg) => arg !== '--browser');
if (!shell.binary) console.error(`histoloop: ${shell.reason}, so the workstation is served to your browser.`);
const [command, commandArgs] = shell.binary
  ? [shell.binary, [root, ...rest]]
  : [node, [join(root, 'out', 'main', 'serve.js'), ...rest]];
const child = spawn(command, commandArgs, {
  cwd: process.env.INIT_CWD ?? process.cwd(),
  env: environment(node),
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`histoloop: could not start: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)));
