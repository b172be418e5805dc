/** The door: what comes in is checked once, what goes out is an answer or a sentence. Real store, engine and drawn slide behind it. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client, WorkstationEvent } from '../../../src/core/contract.ts';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { createHandler, type Handler } from '../../../src/main/api.ts';
import { openWorkstation, type Workstation } from '../../../src/main/workstation.ts';
import { clientOf } from '../../fixtures/rpc-client.ts';
import { fileFolder } from '../../fixtures/temporary.ts';

const folder = fileFolder();
let workstation: Workstation;
let handler: Handler;
let client: Client;
let slideId = '';

beforeAll(async () => {
  workstation = await openWorkstation({ projectFolder: folder, shell: 'browser', furnish: true });
  handler = createHandler(workstation);
  client = clientOf(handler);
  const project = await client.project.get();
  slideId = project.slides[0]!.slideId;
  const [job] = await client.job.list();
  await workstation.jobFinished(job!.jobId);
});
afterAll(async () => {
  await workstation.close();
});

const get = (path: string) => handler(new Request(`http://127.0.0.1${path}`));
const stroke = (x: number, y: number, label = 2) =>
  ({ kind: 'stroke', points: [x, y, x + 30, y], radius: 8, label }) as const;

function edit(requestId: string, operation: ReturnType<typeof stroke>) {
  return client.mask.edit({ slideId, requestId, operation, predictionLayerId: null, tool: 'brush' });
}

describe('calls', () => {
  test('a fresh demo project has a slide of at least 16384² pixels, a model and a first prediction', async () => {
    const { info, predictions } = await client.slide.get({ slideId });
    expect(Math.min(info.widthPx, info.heightPx)).toBeGreaterThanOrEqual(16384);
    expect(info.levels.length).toBeGreaterThan(3);
    expect(predictions).toHaveLength(1);
    const { tiles } = await client.mask.tiles({ layerId: predictions[0]!.layerId });
    expect(tiles.length).toBeGreaterThan(0);
  });

  test('training without corrections is refused in words', async () => {
    const job = await client.train.start({ steps: 1, seed: 1 });
    const ended = await workstation.jobFinished(job.jobId);
    expect(ended.error).toMatchObject({ code: 'nothing-to-learn' });
  });

  test('an edit is answered with its history and heard by listeners; undo and redo follow', async () => {
    const abort = new AbortController();
    const events = await client.app.events(undefined, { signal: abort.signal });
    const heard: WorkstationEvent[] = [];
    const listening = (async () => {
      for await (const event of events) heard.push(event);
    })().catch(() => {});
    const drawn = await edit('api-1', stroke(4000, 4000));
    expect(drawn.history).toMatchObject({ canUndo: true, canRedo: false });
    expect(drawn.tiles.length).toBeGreaterThan(0);
    const undone = await client.mask.undo({ slideId, requestId: 'api-2' });
    expect(undone.history.canRedo).toBe(true);
    await client.mask.redo({ slideId, requestId: 'api-3' });
    await expect.poll(() => heard.filter((event) => event.kind === 'mask.changed').length).toBe(3);
    abort.abort();
    await listening;
    expect(heard.find((event) => event.kind === 'mask.changed')).toMatchObject({ requestId: 'api-1', slideId });
  });

  test('the same request twice changes nothing the second time', async () => {
    const first = await edit('api-twice', stroke(5000, 5000));
    const again = await edit('api-twice', stroke(5000, 5000));
    expect(again.history.editId).toBe(first.history.editId);
  });

  test.each([
    ['odd points', { kind: 'stroke', points: [1, 2, 3], radius: 4, label: 2 }],
    ['a label beyond 127', { kind: 'stroke', points: [1, 2], radius: 4, label: 200 }],
    ['a radius of zero', { kind: 'stroke', points: [1, 2], radius: 0, label: 2 }],
    ['not a number', { kind: 'polygon', points: [1, Number.NaN, 3, 4], label: 2 }],
    ['an unknown kind', { kind: 'drop table', points: [1, 2], label: 2 }],
    ['an extra field', { kind: 'polygon', points: [1, 2], label: 2, path: '/etc/passwd' }],
  ])('%s is refused at the door', async (_, operation) => {
    const before = (await client.slide.get({ slideId })).history.editId;
    await expect(edit('api-bad', operation as unknown as ReturnType<typeof stroke>)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    expect((await client.slide.get({ slideId })).history.editId).toBe(before);
  });

  test('errors arrive as code and sentence', async () => {
    await expect(client.slide.get({ slideId: 'nope' })).rejects.toMatchObject({ code: 'not-found', message: /nope/ });
    await expect(client.slide.add({ path: '/etc/hostname' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(client.slide.browse({ folder: '/' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(client.model.import({ path: join(folder, 'project.sqlite') })).rejects.toMatchObject({
      code: 'model-unusable',
    });
    await expect(client.slide.add({ path: join(folder, 'project.sqlite') })).rejects.toMatchObject({
      code: /slide-unsupported|slide-damaged/,
    });
  });
});

describe('addresses', () => {
  test('a picture tile is a JPEG that may be kept', async () => {
    const answer = await get(`/tile/${slideId}/0/4/4`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('image/jpeg');
    expect(answer.headers.get('cache-control')).toContain('max-age');
    expect(new Uint8Array(await answer.arrayBuffer()).slice(0, 2)).toEqual(new Uint8Array([0xff, 0xd8]));
  });

  test('a mask tile is run-length coded labels, an empty one is 204', async () => {
    await edit('api-tile', stroke(6000, 6000));
    const { humanLayerId, maskDownsample } = await client.slide.get({ slideId });
    const place = Math.floor(6000 / maskDownsample / 512);
    const answer = await get(`/mask/${humanLayerId}/${place}/${place}?v=1`);
    const labels = decodeTile(new Uint8Array(await answer.arrayBuffer()), 512 * 512);
    expect(labels.includes(2)).toBe(true);
    expect((await get(`/mask/${humanLayerId}/0/0`)).status).toBe(204);
  });

  test.each([
    ['/tile/x/0/0/0', 404],
    ['/tile/SLIDE/99/0/0', 400],
    ['/tile/SLIDE/0/999999/0', 400],
    ['/tile/SLIDE/0/-1/0', 400],
    ['/tile/SLIDE/0/1e3/0', 400],
    ['/tile/%E0%A4%A/0/0/0', 400],
    ['/mask/999/0/0', 404],
    ['/mask/1/999999999/0', 204],
    ['/project.sqlite', 404],
    ['/tile/..%2f..%2fetc/0/0/0', 404],
  ])('%s is answered with %i', async (path, status) => {
    expect((await get(path.replace('SLIDE', slideId))).status).toBe(status);
  });

  test('a call that is not of the contract is not found', async () => {
    const post = (path: string) => handler(new Request(`http://127.0.0.1${path}`, { method: 'POST', body: '{}' }));
    expect((await post('/rpc/store/edit')).status).toBe(404);
    expect((await post('/rpc/constructor/constructor')).status).toBe(404);
    expect((await post('/tile/x/0/0/0')).status).toBe(404);
  });
});
