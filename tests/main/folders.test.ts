import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
