import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { migrate } from '../../../src/main/store/migrate.ts';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import { MIGRATIONS } from '../../../src/main/store/schema.ts';
import { hashOfLayer, record, sampleSlide, stroke, temporaryFolder } from './project-fixture.ts';

const openProject = join(import.meta.dirname, '../../tools/open-project.ts');
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const code = (value: string) => expect.objectContaining({ code: value });
const fileOf = (folder: string) => join(folder, 'project.sqlite');
const hashOfFile = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** A project with three strokes, closed; the folder may be entered by anybody. */
function makeProject(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const { methods: store, close } = openProjectDatabase(folder);
  const layerId = store.addSlide(sampleSlide()).humanLayerId;
  for (let i = 0; i < 3; i++) store.edit(record(layerId, `r${i}`), stroke(1000 * i + 500, 500));
  close();
  return folder;
}

function openElsewhere(
  folder: string,
  ...options: string[]
): { code?: string; message?: string; readOnly?: boolean; tiles?: number[][] } {
  const { stdout, stderr } = spawnSync(process.execPath, [openProject, folder, ...options], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** A process that has the project open when this returns. */
async function holdElsewhere(folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [openProject, folder, '--hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  return child;
}

describe('opening a project', () => {
  test('makes folder and file where there are none, and leaves one plain file behind', () => {
    const folder = join(temporaryFolder(), 'deep', 'er');
    openProjectDatabase(folder).close();
    expect(readdirSync(folder)).toEqual(['project.sqlite']);
  });

  test('sets it up to survive a power cut: every commit waits for the disk', () => {
    const { sql, close } = openProjectDatabase(temporaryFolder());
    expect(sql.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(sql.get('PRAGMA synchronous')).toEqual({ synchronous: 2 });
    expect(sql.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
    close();
  });

  test('that must exist says what is missing, and makes nothing', () => {
    const folder = temporaryFolder();
    for (const options of [{ createIfMissing: false }, { readOnly: true }]) {
      expect(() => openProjectDatabase(folder, options)).toThrowError(code('file-missing'));
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test('in a folder that is a file says so', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'x');
    expect(() => openProjectDatabase(join(file, 'project'))).toThrowError(code('bad-input'));
    expect(() => openProjectDatabase(file)).toThrowError(code('bad-input'));
  });

  test('whose file is a folder says so', () => {
    const folder = temporaryFolder();
    mkdirSync(fileOf(folder));
    expect(() => openProjectDatabase(folder)).toThrowError(code('store-damaged'));
  });
});

describe('a file that is not a whole project is refused with its place, and not one byte of it changes', () => {
  const whole = () => readFileSync(fileOf(makeProject()));
  test.each<[string, () => Uint8Array]>([
    ['an empty file', () => new Uint8Array(0)],
    ['garbage', () => Buffer.alloc(100_000, 'not a database ')],
    ['a picture', () => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(5000, 7)])],
    ['half a header', () => whole().subarray(0, 50)],
    ['a file cut in half', () => whole().subarray(0, whole().length >> 1)],
    ['a file that lost its last page', () => whole().subarray(0, -4096)],
    ['a page of zeros in the middle', () => whole().fill(0, 8192, 12288)],
    ['noise over a table', () => whole().map((byte, i) => (i > 20_480 && i < 24_576 ? (i * 37) & 255 : byte))],
  ])('%s', (_, bytes) => {
    const folder = temporaryFolder();
    writeFileSync(fileOf(folder), bytes());
    const before = hashOfFile(fileOf(folder));
    for (const readOnly of [false, true]) {
      expect(() => openProjectDatabase(folder, { readOnly })).toThrowError(
        expect.objectContaining({ code: 'store-damaged', message: expect.stringContaining(fileOf(folder)) }),
      );
    }
    expect(() => openProjectDatabase(folder)).toThrowError(/the file was not changed/);
    expect(hashOfFile(fileOf(folder))).toBe(before);
    expect(readdirSync(folder)).toEqual(['project.sqlite']);
  });

  test('somebody else’s SQLite database', () => {
    const folder = temporaryFolder();
    const other = new Database(fileOf(folder));
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    const before = hashOfFile(fileOf(folder));
    expect(() => openProjectDatabase(folder)).toThrowError(/not a Histoloop project; the file was not changed/);
    expect(hashOfFile(fileOf(folder))).toBe(before);
  });

  test('a project of a newer version', () => {
    const folder = makeProject();
    const newer = new Database(fileOf(folder));
    newer.pragma(`user_version = ${MIGRATIONS.length + 3}`);
    newer.exec('CREATE TABLE from_the_future (x TEXT)');
    newer.close();
    const before = hashOfFile(fileOf(folder));
    for (const readOnly of [false, true]) {
      expect(() => openProjectDatabase(folder, { readOnly })).toThrowError(code('store-newer'));
    }
    expect(hashOfFile(fileOf(folder))).toBe(before);
  });
});

describe('a project of an older version', () => {
  const next = [
    ...MIGRATIONS,
    'CREATE TABLE note (text TEXT NOT NULL) STRICT; INSERT INTO note SELECT name FROM slide',
  ];

  test('is brought to the new one, with a copy of the old beside it', () => {
    const folder = makeProject();
    const database = new Database(fileOf(folder));
    migrate(database, fileOf(folder), next);
    expect(database.prepare('SELECT text FROM note').pluck().all()).toEqual(['slide-1.svs']);
    expect(database.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length + 1);
    database.close();
    const copy = new Database(`${fileOf(folder)}.before-format-${MIGRATIONS.length + 1}`);
    expect(copy.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
    expect(copy.prepare('SELECT count(*) FROM edit').pluck().get()).toBe(3);
    copy.close();
  });

  test('stays as it was where the step fails half way', () => {
    const folder = makeProject();
    const database = new Database(fileOf(folder));
    const failing = [...MIGRATIONS, 'DROP TABLE job; INSERT INTO nowhere VALUES (1)'];
    expect(() => migrate(database, fileOf(folder), failing)).toThrowError(/nowhere/);
    database.close();
    const again = openProjectDatabase(folder);
    expect([again.methods.jobs(), again.methods.correctionCount()]).toEqual([[], 3]);
    again.close();
  });
});

describe('a second instance on the same project', () => {
  test('is told that it is open elsewhere; the first goes on; after kill -9 it opens', async () => {
    const folder = makeProject();
    const first = await holdElsewhere(folder);
    for (const readOnly of [false, true]) {
      expect(() => openProjectDatabase(folder, { readOnly })).toThrowError(
        expect.objectContaining({ code: 'store-locked', message: expect.stringContaining('open') }),
      );
    }
    expect(first.exitCode).toBeNull();
    const dead = new Promise((resolve) => first.once('exit', resolve));
    first.kill('SIGKILL');
    await dead;
    const again = openProjectDatabase(folder);
    expect(again.methods.correctionCount()).toBe(3);
    again.close();
  });

  test('in the same process is refused too', () => {
    const folder = makeProject();
    const first = openProjectDatabase(folder);
    expect(() => openProjectDatabase(folder)).toThrowError(code('store-locked'));
    first.methods.edit(record(1, 'more'), stroke(3000, 3000));
    first.close();
  });
});

describe('a project that may not be written', () => {
  /** As a crash leaves it: edits in the WAL, none of them in the main file yet. */
  function crash(folder: string): void {
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', crashScript(folder)], { encoding: 'utf8' });
    expect(child.signal).toBe('SIGKILL');
    expect(existsSync(`${fileOf(folder)}-wal`)).toBe(true);
  }
  const crashScript = (folder: string) => `
    import { openProjectDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../../src/main/store/project-database.ts'))};
    const { methods } = openProjectDatabase(${JSON.stringify(folder)});
    const operation = { kind: 'stroke', points: [7000, 7000], radius: 30, label: 2 };
    methods.edit({ layerId: 1, requestId: 'last', tool: 'brush', user: 'ann', modelId: null }, operation);
    process.kill(process.pid, 'SIGKILL');`;

  const lock = (folder: string) => {
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444);
    chmodSync(folder, 0o555);
  };

  test('opens read-only with everything in it, and is refused otherwise with what to do', () => {
    const folder = makeProject();
    lock(folder);
    expect(openElsewhere(folder, '--unprivileged', '--read-only')).toEqual({
      readOnly: true,
      tiles: [[0, 0, 1, 0, 2, 0]],
    });
    const refused = openElsewhere(folder, '--unprivileged');
    expect(refused).toMatchObject({ code: 'disk-read-only', message: expect.stringContaining('read-only') });
    expect(readdirSync(folder)).toEqual(['project.sqlite']);
    chmodSync(folder, 0o755);
  });

  test('opens read-only after a crash too, with the last stroke in it, and stays as the crash left it', () => {
    const folder = makeProject();
    crash(folder);
    const before = readdirSync(folder).map((name) => hashOfFile(join(folder, name)));
    lock(folder);
    const found = openElsewhere(folder, '--unprivileged', '--read-only');
    expect(found).toEqual({ readOnly: true, tiles: [[0, 0, 1, 0, 2, 0, 6, 6]] });
    expect(openElsewhere(folder, '--unprivileged')).toMatchObject({ code: 'disk-read-only' });
    expect(readdirSync(folder).map((name) => hashOfFile(join(folder, name)))).toEqual(before);
    chmodSync(folder, 0o755);
  });

  test('and one opened read-only by choice, refuse every change and keep every byte', () => {
    const folder = makeProject();
    const before = hashOfFile(fileOf(folder));
    const { methods: store, readOnly, close } = openProjectDatabase(folder, { readOnly: true });
    expect(readOnly).toBe(true);
    expect(hashOfLayer(store, 1)).not.toBe('');
    const refused = code('disk-read-only');
    expect(() => store.edit(record(1, 'x'), stroke(10, 10))).toThrowError(refused);
    expect(() => store.undo(1, 'y', 'ann')).toThrowError(refused);
    expect(() => store.updateProject({ name: 'new' })).toThrowError(refused);
    expect(() => store.saveJob({ jobId: 'j', kind: 'train', state: '{}', input: '{}' })).toThrowError(refused);
    close();
    expect(hashOfFile(fileOf(folder))).toBe(before);
  });
});

test('a file cut short while nobody had it open loses nothing to the attempt to open it', () => {
  const folder = makeProject();
  const copy = readFileSync(fileOf(folder));
  truncateSync(fileOf(folder), copy.length - 5000);
  expect(() => openProjectDatabase(folder)).toThrowError(code('store-damaged'));
  writeFileSync(fileOf(folder), copy);
  const again = openProjectDatabase(folder);
  expect(again.methods.correctionCount()).toBe(3);
  again.close();
});
