/** The command line as a person or a script uses it: answers, progress, exit codes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openWorkstation } from '../../src/main/workstation.ts';
import { histoloop } from '../fixtures/program.ts';
import { describeWithData } from '../fixtures/shared-data.ts';
import { temporaryFolder } from '../fixtures/temporary.ts';

interface Report {
  slide: string;
  diceBefore: number;
  diceAfter: number;
  corrections: number;
  steps: number;
  trainSeconds: number;
  exported: string[];
}

async function demo(seed: number): Promise<Report> {
  const { code, stdout, stderr } = await histoloop([
    'demo',
    '--json',
    '--seed',
    String(seed),
    '--steps',
    '30',
    '--fields',
    '3',
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('demo', () => {
  test('runs the whole loop, helps on the held-out part, and another seed gives other numbers', async () => {
    const first = await demo(1);
    expect(first.diceAfter).toBeGreaterThan(first.diceBefore);
    expect(first.corrections).toBe(6);
    expect(first.steps).toBe(30);
    expect(first.exported.some((file) => file.endsWith('.geojson'))).toBe(true);
    const second = await demo(2);
    expect(second.diceAfter).toBeGreaterThan(second.diceBefore);
    expect(second.diceBefore).not.toBe(first.diceBefore);
  });
});

describe('what is not understood', () => {
  test.each([
    [[], 2, /say what to do/],
    [['paint'], 2, /no command «paint»/],
    [['slide', 'info'], 2, /takes a file/],
    [['train', '--project', 'p', '--steps', 'many'], 2, /whole number/],
    [['train', '--frobnicate'], 2, /frobnicate/],
    [['demo', '--slide', 'x.svs'], 2, /--labels/],
    [['slide', 'info', '/nowhere/x.svs'], 1, /\/nowhere\/x\.svs/],
    [['predict', '--project', 'p'], 2, /--slide is missing/],
    [['train', '--project', 'p'], 1, /there is no project in/],
    [['constructor'], 2, /no command «constructor»/],
    [['train', '--project', 'p', 'now'], 2, /«now» is one word too many/],
    [['predict', '--project', 'p', '--slide', 'x', '--provider', 'abacus'], 2, /abacus/],
    [['serve', '--port', 'many'], 2, /--port many/],
    [['slide', 'tile', '/nowhere/x.svs', '--out', '/nowhere/y.jpg'], 1, /\/nowhere\/x\.svs/],
  ])('%j ends with %i and a sentence', async (args, code, sentence) => {
    const ran = await histoloop(args.map((arg) => (arg === 'p' ? temporaryFolder() : arg)));
    expect(ran.stderr).toMatch(sentence);
    expect(ran.stderr).not.toMatch(/at .*\.js:\d+/);
    expect(ran.code).toBe(code);
  });

  test('doctor says what computes and how quickly, and ends with 1 where that is not what was asked for', async () => {
    const away = process.platform === 'win32' ? 'coreml' : 'dml';
    const { code, stdout } = await histoloop(['doctor', '--provider', away, '--json']);
    const truth = JSON.parse(stdout);
    expect(truth).toMatchObject({
      provider: 'cpu',
      wanted: away,
      fallbackReason: expect.stringMatching(/is a part of/),
    });
    expect(truth.measured.tilesPerSecond).toBeGreaterThan(0);
    expect(truth.measured.stepsPerSecond).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  test('a project open elsewhere is not touched, and says so', async () => {
    const folder = temporaryFolder();
    const workstation = await openWorkstation({ projectFolder: folder, shell: 'command-line' });
    const ran = await histoloop(['export', '--project', folder, '--json']);
    await workstation.close();
    expect(JSON.parse(ran.stdout).error.code).toBe('store-locked');
    expect(ran.code).toBe(1);
  });
});

describeWithData('on a real slide', (data) => {
  const slide = join(data, 'wsi/aperio/CMU-1-Small-Region.svs');

  test('slide info and slide tile speak of the file as it is', async () => {
    const info = await histoloop(['slide', 'info', slide, '--json']);
    expect(JSON.parse(info.stdout)).toMatchObject({ widthPx: 2220, heightPx: 2967 });
    const out = join(temporaryFolder(), 'tile.jpg');
    const tile = await histoloop(['slide', 'tile', slide, '--column', '2', '--row', '3', '--out', out, '--json']);
    expect(JSON.parse(tile.stdout)).toMatchObject({ mime: 'image/jpeg', passthrough: true });
    expect(readFileSync(out).subarray(0, 2).toString('hex')).toBe('ffd8');
  });

  test('demo runs the loop on a picture and labels of one’s own', async () => {
    const field = join(data, 'annotated/nuinsseg/human-tongue');
    const files = [
      '--slide',
      join(field, 'images/human_tongue_02.png'),
      '--labels',
      join(field, 'labels/human_tongue_02.tif'),
    ];
    const { code, stdout } = await histoloop(['demo', ...files, '--steps', '15', '--json']);
    const report: Report = JSON.parse(stdout);
    expect(report).toMatchObject({ slide: 'human_tongue_02.png', corrections: 2, steps: 15 });
    expect(code).toBe(report.diceAfter > report.diceBefore ? 0 : 1);
    expect(report.exported.some((file) => file.endsWith('manifest.json'))).toBe(true);
  });

  test('predict, correct and export work one command at a time', async () => {
    const project = join(temporaryFolder(), 'project');
    const common = ['--project', project, '--json'];
    const predicted = await histoloop(['predict', '--slide', slide, '--region', '0,0,600,600', ...common]);
    expect(JSON.parse(predicted.stdout)).toMatchObject({ kind: 'predict', tiles: 4 });
    const again = await histoloop(['predict', '--slide', slide, '--region', '0,0,600,600', ...common]);
    expect(again.code).toBe(0);
    const labels = join(temporaryFolder(), 'labels.geojson');
    const square = [
      [
        [100, 100],
        [200, 100],
        [200, 180],
        [100, 180],
        [100, 100],
      ],
    ];
    const feature = {
      type: 'Feature',
      geometry: { type: 'Polygon', coordinates: square },
      properties: { classification: { name: 'Tumor' } },
    };
    writeFileSync(labels, JSON.stringify({ type: 'FeatureCollection', features: [feature] }));
    const unknown = await histoloop(['correct', '--slide', slide, '--labels', labels, ...common]);
    expect(JSON.parse(unknown.stdout).error.message).toContain('Tumor');
    const corrected = await histoloop([
      'correct',
      '--slide',
      slide,
      '--labels',
      labels,
      '--class',
      'Tumor=Nucleus',
      ...common,
    ]);
    expect(JSON.parse(corrected.stdout)).toMatchObject({ tiles: 1 });
    const out = join(temporaryFolder(), 'set');
    const exported = await histoloop(['export', '--format', 'geojson,coco', '--out', out, ...common]);
    expect(JSON.parse(exported.stdout).files).toContain('manifest.json');
  });
});
