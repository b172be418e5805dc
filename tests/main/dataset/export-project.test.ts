import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { toDiskError } from '../../../src/main/dataset/disk-errors.ts';
import { exportProject } from '../../../src/main/dataset/export-project.ts';
import { distinctNames, safeName } from '../../../src/main/dataset/safe-names.ts';
import { drawnSlide, exportRequest, folderHashes, temporaryFolder } from './drawn-project.ts';

const small = { widthPx: 700, heightPx: 600 };

describe('exporting', () => {
  it('twice gives identical bytes, in whatever order slides and tiles were asked for', async () => {
    const folder = await temporaryFolder();
    const [a, b] = [
      drawnSlide({ ...small, name: 'a' }),
      drawnSlide({ ...small, name: 'b', seed: 9, maskDownsample: 2 }),
    ];
    await exportProject(exportRequest(join(folder, 'one'), [a, b]));
    const pairs = Array.from({ length: a.tiles.length / 2 }, (_, i) => a.tiles.slice(2 * i, 2 * i + 2));
    const shuffled = { ...a, tiles: [...pairs.reverse(), ...pairs].flat() };
    await exportProject(exportRequest(join(folder, 'two'), [b, shuffled]));
    const hashes = await folderHashes(join(folder, 'one'));
    expect(Object.keys(hashes).length).toBeGreaterThan(10);
    expect(await folderHashes(join(folder, 'two'))).toEqual(hashes);
  });

  it('over an earlier export replaces it and leaves nothing else behind', async () => {
    const folder = await temporaryFolder();
    await exportProject(exportRequest(join(folder, 'out'), [drawnSlide(small)]));
    await writeFile(join(folder, 'out', '.DS_Store'), 'litter of the system');
    const { files } = await exportProject(
      exportRequest(join(folder, 'out'), [drawnSlide(small)], { formats: ['coco'] }),
    );
    expect(files).toEqual(['coco/annotations.json', 'manifest.json']);
    expect(Object.keys(await folderHashes(folder))).toEqual(['out/coco/annotations.json', 'out/manifest.json']);
  });

  it('lists every file with its length and checksum, and reports progress to the end', async () => {
    const folder = join(await temporaryFolder(), 'deep', 'er', 'out');
    const steps: number[] = [];
    const onProgress = (done: number, total: number) => steps.push(done / total);
    const { files } = await exportProject(exportRequest(folder, [drawnSlide(small)], { onProgress }));
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    expect([...Object.keys(manifest.files), 'manifest.json'].sort()).toEqual(files);
    for (const [path, { bytes, sha256 }] of Object.entries<{ bytes: number; sha256: string }>(manifest.files)) {
      const content = await readFile(join(folder, path));
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex'), path).toBe(sha256);
    }
    expect(steps.at(-1)).toBe(1);
    expect(steps).toEqual([...steps].sort());
  });

  it('writes a slide without any label as empty collections', async () => {
    const folder = join(await temporaryFolder(), 'out');
    const { files } = await exportProject(exportRequest(folder, [{ ...drawnSlide(small), tiles: [] }]));
    expect(JSON.parse(await readFile(join(folder, 'geojson/slide_one.geojson'), 'utf8')).features).toEqual([]);
    expect(JSON.parse(await readFile(join(folder, 'coco/annotations.json'), 'utf8')).annotations).toEqual([]);
    expect(files).toContain('label-tiff/slide_one/labels.tif');
  });

  it('keeps slides with hostile and equal names inside the folder and apart', async () => {
    const folder = await temporaryFolder();
    const names = [
      '../../x',
      '..\\x',
      '/etc/passwd',
      'CON',
      'a',
      'A',
      'a',
      '',
      '.hidden',
      'nul.svs',
      'ü/\0\n',
      'y'.repeat(400),
    ];
    const slides = names.map((name, i) => ({ ...drawnSlide({ widthPx: 20, heightPx: 20, name }), slideId: `${i}` }));
    const { files } = await exportProject(exportRequest(join(folder, 'out'), slides, { formats: ['geojson'] }));
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(names.length + 1);
    expect(await readdir(folder)).toEqual(['out']);
    expect((await readdir(join(folder, 'out/geojson'))).sort()).toEqual(
      files.filter((file) => file.startsWith('geojson/')).map((file) => file.slice('geojson/'.length)),
    );
  });
});

describe('safe names', () => {
  it.each([
    ['../../x', 'x'],
    ['CON', '_CON'],
    ['nul.svs', '_nul.svs'],
    ['', 'slide'],
    ['...', 'slide'],
    ['TCGA-CR (1).svs', 'TCGA-CR_1_.svs'],
    ['Präparat 7', 'Präparat_7'],
    ['x. . ', 'x'],
  ])('make %j into %j', (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });

  it('stay apart when a number would meet a name that is already there', () => {
    expect(distinctNames(['a', 'a-2', 'A', 'a'])).toEqual(['a', 'a-2', 'A-3', 'a-4']);
  });
});

describe('an export that cannot be', () => {
  it.each([
    ['a folder with files of others', async (out: string) => writeFile(join(out, 'thesis.docx'), 'years of work')],
    [
      'a manifest of another tool',
      async (out: string) => writeFile(join(out, 'manifest.json'), '{"schema":"other/1"}'),
    ],
    ['a broken manifest', async (out: string) => writeFile(join(out, 'manifest.json'), '{"schema":"histolo')],
  ])('leaves %s alone and says so', async (_, fill) => {
    const out = join(await temporaryFolder(), 'out');
    await mkdir(out);
    await fill(out);
    const before = await folderHashes(out);
    const failure = expect(exportProject(exportRequest(out, [drawnSlide(small)]))).rejects;
    await failure.toMatchObject({ code: 'conflict', message: expect.stringContaining('choose another folder') });
    expect(await folderHashes(out)).toEqual(before);
  });

  it('does not replace an earlier export to which someone has added a file', async () => {
    const folder = await temporaryFolder();
    const request = exportRequest(join(folder, 'out'), [drawnSlide(small)], { formats: ['coco'] });
    await exportProject(request);
    await writeFile(join(folder, 'out', 'notes.txt'), 'mine');
    await expect(exportProject(request)).rejects.toThrow('holds notes.txt');
    expect(await readFile(join(folder, 'out', 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('does not follow a link or overwrite a file of that name', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(folder, 'link'));
    await writeFile(join(folder, 'file'), 'mine');
    for (const name of ['link', 'file', 'file/below']) {
      const failure = expect(exportProject(exportRequest(join(folder, name), [drawnSlide(small)]))).rejects;
      await failure.toMatchObject({ code: name === 'file/below' ? 'bad-input' : 'conflict' });
    }
    expect((await readdir(folder)).sort()).toEqual(['elsewhere', 'file', 'link']);
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'disk-read-only'],
    ['EACCES', 'disk-read-only'],
    ['EIO', 'internal'],
  ])('fails half way with %s as %s, cleans up, and keeps the earlier export', async (systemCode, code) => {
    const folder = await temporaryFolder();
    const slide = drawnSlide(small);
    await exportProject(exportRequest(join(folder, 'out'), [slide], { formats: ['coco'] }));
    const before = await folderHashes(folder);
    let reads = 0;
    const readHuman: typeof slide.readHuman = async (rect) => {
      if (++reads > 2) throw Object.assign(new Error('no'), { code: systemCode });
      return slide.readHuman(rect);
    };
    const failure = expect(exportProject(exportRequest(join(folder, 'out'), [{ ...slide, readHuman }]))).rejects;
    await failure.toMatchObject({ code });
    expect(await folderHashes(folder)).toEqual(before);
  });

  it('stops when cancelled and leaves nothing', async () => {
    const folder = await temporaryFolder();
    const signal = { aborted: false };
    const onProgress = () => {
      signal.aborted = true;
    };
    const request = exportRequest(join(folder, 'out'), [drawnSlide(small)], { signal, onProgress });
    await expect(exportProject(request)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what is missing: no slide, no format, a tile beside the slide', async () => {
    const folder = join(await temporaryFolder(), 'out');
    const slide = drawnSlide(small);
    await expect(exportProject(exportRequest(folder, []))).rejects.toThrow('no slide was chosen');
    await expect(exportProject(exportRequest(folder, [slide], { formats: [] }))).rejects.toThrow('no export format');
    const hostile = exportRequest(folder, [slide], { formats: ['toString' as 'coco'] });
    await expect(exportProject(hostile)).rejects.toThrow('«toString» is no export format');
    const beside = { ...slide, tiles: [9, 0] };
    await expect(exportProject(exportRequest(folder, [beside]))).rejects.toThrow('outside the slide');
  });

  it('names the folder and the remedy when the disk refuses', () => {
    const error = toDiskError(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/data/out');
    expect(error.message).toBe(
      'could not write to /data/out: the disk is full; free some space or choose another disk',
    );
  });
});

describe('a process killed in the middle of an export', () => {
  /** Exports with a reader that never answers the third tile; prints a line when it has come so far. */
  const script = (out: string) => `
    import { exportProject } from '${pathToFileURL(resolve('src/main/dataset/export-project.ts'))}';
    let reads = 0;
    const read = async ({ width, height }) => {
      if (++reads === 3) { console.log('half'); await new Promise(() => setInterval(() => {}, 1000)); }
      return new Uint8Array(width * height).fill(2);
    };
    const pixelSize = { xUm: null, yUm: null, source: 'unknown', warning: null };
    await exportProject({ classes: [], models: [], toolVersion: '0', folder: ${JSON.stringify(out)},
      formats: ['label-png', 'geojson'], slides: [{ slideId: 's', name: 's', sha256: '', maskDownsample: 1,
      info: { widthPx: 2048, heightPx: 512, pixelSize }, maskWidthPx: 2048, maskHeightPx: 512, tiles: [0, 0, 1, 0, 2, 0],
      readHuman: read, readPrediction: async ({ width, height }) => new Uint8Array(width * height), predictionModelId: null }] });`;

  async function killHalfWay(out: string): Promise<void> {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script(out)], { stdio: 'pipe' });
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk));
    await new Promise<void>((done, fail) => {
      child.stdout.once('data', () => done());
      child.once('exit', () => fail(new Error(errors)));
    });
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
  }

  it('leaves no export where there was none, and the next one clears the rest away', async () => {
    const folder = await temporaryFolder();
    await killHalfWay(join(folder, 'out'));
    const left = await readdir(folder);
    expect(left).toEqual([expect.stringMatching(/^\.out\.\d+-0\.partial$/)]);
    await exportProject(exportRequest(join(folder, 'out'), [drawnSlide(small)]));
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('leaves the earlier export whole', async () => {
    const folder = await temporaryFolder();
    await exportProject(exportRequest(join(folder, 'out'), [drawnSlide(small)]));
    const before = await folderHashes(join(folder, 'out'));
    await killHalfWay(join(folder, 'out'));
    expect(await folderHashes(join(folder, 'out'))).toEqual(before);
  });

  it('between its two renames gives the earlier export back to the next one', async () => {
    const folder = await temporaryFolder();
    const request = exportRequest(join(folder, 'out'), [drawnSlide(small)], { formats: ['coco'] });
    await exportProject(request);
    const gone = spawn(process.execPath, ['-e', '']);
    await new Promise((done) => gone.once('exit', done));
    await rename(join(folder, 'out'), join(folder, `.out.${gone.pid}-0.old`));
    const cancelled = { ...request, signal: { aborted: true } };
    await expect(exportProject(cancelled)).rejects.toMatchObject({ code: 'cancelled' });
    expect(Object.keys(await folderHashes(folder))).toEqual(['out/coco/annotations.json', 'out/manifest.json']);
  });
});

describe('a long export', () => {
  it('lets other work of the process in at least every 100 ms of its own time', async () => {
    const tile = drawnSlide({ widthPx: 512, heightPx: 512 }).predicted;
    const base = drawnSlide({ widthPx: 16_384, heightPx: 512, maskDownsample: 32 });
    const slide = {
      ...base,
      ...{ maskDownsample: 1, maskWidthPx: 16_384, maskHeightPx: 512 },
      tiles: Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? i / 2 : 0)),
      readHuman: async () => new Uint8Array(512 * 512),
      readPrediction: async () => tile,
    };
    let longest = 0;
    let since = process.threadCpuUsage();
    const timer = setInterval(() => {
      const { user, system } = process.threadCpuUsage(since);
      longest = Math.max(longest, (user + system) / 1000);
      since = process.threadCpuUsage();
    }, 1);
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [slide], { formats: ['geojson', 'coco'] }));
    clearInterval(timer);
    expect(longest).toBeLessThan(100);
  });
});
