import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFolders } from '../../src/main/folders.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'histoloop-folders-'));
  for (const name of ['open', 'open/inner', 'closed', 'open-not']) mkdirSync(join(base, name));
  for (const name of ['open/a.svs', 'open/inner/b.svs', 'closed/c.svs', 'open-not/d.svs'])
    writeFileSync(join(base, name), 'x');
});
afterEach(() => rmSync(base, { recursive: true }));

test('what lies in an opened folder is admitted, everything else is refused with the way to open it', async () => {
  const folders = createFolders([join(base, 'open')], true);
  expect(await folders.admit(join(base, 'open/inner/../a.svs'))).toMatch(/open\/a\.svs$/);
  for (const path of ['closed/c.svs', 'open-not/d.svs', 'open/../closed/c.svs']) {
    await expect(folders.admit(join(base, path))).rejects.toMatchObject({ code: 'forbidden', message: /--folder/ });
  }
  folders.open(join(base, 'closed'));
  expect(await folders.admit(join(base, 'closed/c.svs'))).toMatch(/c\.svs$/);
});

test('a link out of an opened folder leads nowhere', async () => {
  symlinkSync(join(base, 'closed'), join(base, 'open/way-out'));
  const folders = createFolders([join(base, 'open')], true);
  await expect(folders.admit(join(base, 'open/way-out/c.svs'))).rejects.toMatchObject({ code: 'forbidden' });
  await expect(folders.admitNew(join(base, 'open/way-out/new'))).rejects.toMatchObject({ code: 'forbidden' });
  await expect(folders.list(join(base, 'open/way-out'))).rejects.toMatchObject({ code: 'forbidden' });
});

test('a missing file says so before anything else', async () => {
  const folders = createFolders([join(base, 'open')], true);
  await expect(folders.admit(join(base, 'open/gone.svs'))).rejects.toMatchObject({ code: 'file-missing' });
});

test('browsing starts at the opened folders and cannot climb out of them', async () => {
  const folders = createFolders([join(base, 'open')], true);
  expect((await folders.list(null)).entries.map((entry) => entry.name)).toEqual(['open']);
  const root = await folders.list(join(base, 'open'));
  expect(root.parent).toBeNull();
  expect(root.entries.map(({ name, kind }) => `${kind} ${name}`)).toEqual(['file a.svs', 'folder inner']);
  const inner = await folders.list(join(base, 'open/inner'));
  expect(inner.parent).toBe(root.folder);
});

test('a new folder is named by where it lies: neither dots nor a link lead it outside', async () => {
  const folders = createFolders([join(base, 'open')], true);
  expect(await folders.admitNew(join(base, 'open/inner/..export'))).toMatch(/open\/inner\/\.\.export$/);
  expect(await folders.admitNew(`${base}/open/inner/x/../new`)).toMatch(/open\/inner\/new$/);
  await expect(folders.admitNew(`${base}/open/inner/..`)).resolves.toMatch(/open$/);
  await expect(folders.admitNew(`${base}/open/..`)).rejects.toMatchObject({ code: 'forbidden' });
  symlinkSync(join(base, 'closed'), join(base, 'open/export'));
  await expect(folders.admitNew(join(base, 'open/export'))).rejects.toMatchObject({ code: 'forbidden' });
});

test('browsing a folder opened through a link ends at it, and a file cannot be listed', async () => {
  symlinkSync(join(base, 'open'), join(base, 'by-link'));
  const folders = createFolders([join(base, 'by-link')], true);
  expect((await folders.list(join(base, 'by-link'))).parent).toBeNull();
  await expect(folders.list(join(base, 'open/a.svs'))).rejects.toMatchObject({ code: 'file-unreadable' });
});

test('the command line is not fenced', async () => {
  const folders = createFolders([join(base, 'open')], false);
  expect(await folders.admit(join(base, 'closed/c.svs'))).toMatch(/c\.svs$/);
  expect((await folders.list(join(base, 'open'))).parent).toBe(
    dirname((await folders.list(join(base, 'open'))).folder!),
  );
});
