/** `npm run bench:train` itself: its arguments and what it prints. Times are nobody's business here. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compareLearned } from '../../bench/train-differences.ts';
import { median, stepsPerTurn } from '../../bench/train-rounds.ts';
import { ADVICE, findPython } from '../../bench/train-torch.ts';

const script = resolve(import.meta.dirname, '../../bench/train.ts');
const bench = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env: { ...process.env, ...env } });

describe('bench:train', () => {
  const torch = findPython();
  if (torch === null) console.warn(`SKIPPED, the comparison of a training step: ${ADVICE}`);

  test.skipIf(torch === null)('prints one line of JSON, and both sides did the same step', () => {
    const { stdout, stderr, status } = bench(['--quick', '--json', '--pairs', '1']);
    expect(status, stderr).toBe(0);
    const { results } = JSON.parse(stdout) as { results: Record<string, unknown>[] };
    expect(results).toHaveLength(1);
    const [{ network, ratio, oursMs, torchMs, gradientDifference }] = results;
    expect(network).toContain('tiny');
    expect(ratio).toBeCloseTo(Number(oursMs) / Number(torchMs), 0);
    for (const difference of Object.values(gradientDifference as Record<string, number>)) {
      expect(difference).toBeLessThan(1e-4);
    }
    for (const field of ['oursPeakMb', 'torchPeakMb']) expect(results[0][field], field).toBeGreaterThan(0);
  });

  test('says what to install where PyTorch is absent, and fails', () => {
    const { stderr, status } = bench(['--quick'], { HISTOLOOP_PYTHON: '/nowhere/python3' });
    expect(status).toBe(2);
    expect(stderr).toContain('apt-get install python3-torch');
  });

  test.each([[['--pairs', 'many']], [['--network', 'resnet']]])('refuses %j with a sentence', (args) => {
    const { stderr, status } = bench(args);
    expect(status).toBe(2);
    expect(stderr).toContain(args[1]);
  });

  test('a peer with other weights is no peer', () => {
    const side = (n: number) => ({
      loss: 1,
      weights: new Float32Array(n).fill(1),
      moments: new Float32Array(n).fill(1),
    });
    expect(compareLearned(side(2), side(2))).toEqual({ loss: 0, gradient: 0, weights: 0 });
    expect(() => compareLearned(side(2), side(3))).toThrow('not the same network');
  });

  test('takes the middle, and fills a turn with short steps', () => {
    expect([median([9, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
    expect([stepsPerTurn(1000), stepsPerTurn(100)]).toEqual([1, 4]);
  });
});
