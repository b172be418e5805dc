#!/usr/bin/env node
/** The command line's front: brings what is missing, then hands over to `out/main/cli.js` on a Node that is new enough. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureReady, environment, root } from '../scripts/setup.mjs';

const node = ensureReady();
const cli = join(root, 'out', 'main', 'cli.js');
const child = spawn(node, [cli, ...process.argv.slice(2)], { env: environment(node), stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
