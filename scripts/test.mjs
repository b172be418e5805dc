/**
 * `npm test`: installs what is missing (Chromium too), then runs everything, fast to slow: format and lint, types, core, main,
 * window parts, build, end to end. Its last line is «N passed, N failed, N skipped».
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureChromium, ensureInstalled, ensureNode, environment, root } from './setup.mjs';

ensureInstalled();
const node = ensureNode();
const chromium = ensureChromium();
const env = { ...environment(node), HISTOLOOP_CHROMIUM: chromium, FORCE_COLOR: '0' };
const total = { passed: 0, failed: 0, skipped: 0 };
const reports = mkdtempSync(join(tmpdir(), 'histoloop-test-'));

function step(name, command, args) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  const done = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  console.log(`== ${name}: ${done.status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  return done.status === 0;
}

function check(name, script, args) {
  total[step(name, node, [join(root, 'node_modules', script), ...args]) ? 'passed' : 'failed'] += 1;
}

/** One band of vitest; its own report gives the counts, a crash without a report counts as one failure. */
function band(project) {
  const report = join(reports, `${project}.json`);
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = step(project, node, [join(root, 'node_modules/vitest/vitest.mjs'), ...args]);
  let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  try {
    counts = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    console.log(`${project}: no report was written`);
  }
  total.passed += counts.numPassedTests;
  total.failed += !ok && counts.numFailedTests === 0 ? 1 : counts.numFailedTests;
  total.skipped += counts.numPendingTests ?? 0;
}

check('format and lint', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']);
check('types', 'typescript/bin/tsc', ['-b']);
for (const project of ['core', 'main', 'renderer']) band(project);
ensureBuilt(node);
band('e2e');

rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.passed > 2 ? 0 : 1);
