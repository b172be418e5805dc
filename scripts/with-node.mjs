/** Runs a TypeScript tool of the project on the Node it needs: `node scripts/with-node.mjs tests/tools/x.ts …`. */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, ensureNode, environment } from './setup.mjs';

ensureInstalled();
const node = ensureNode();
const done = spawnSync(node, process.argv.slice(2), { env: environment(node), stdio: 'inherit' });
process.exit(done.status ?? 1);
