/**
 * The main job in the window, on the loopback shell, in real Chromium: open, correct with the mouse, reload, predict, accept,
 * fine-tune, export. With HISTOLOOP_PICTURES set, it also takes the README's pictures.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BACKGROUND } from '../../src/core/label.ts';
import { traceContours } from '../../src/core/mask/contour.ts';
import { asDrawnSlide, openSlide } from '../../src/main/slide/open-slide.ts';
import { type ServedProgram, serveProgram, startChromium } from '../fixtures/program.ts';
import { fileFolder } from '../fixtures/temporary.ts';

const pictures = process.env.HISTOLOOP_PICTURES ? resolve(import.meta.dirname, '../../docs/pictures') : null;
const LONG = { timeout: 180_000 };

const data = fileFolder();
let program: ServedProgram;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  program = await serveProgram([], { XDG_DATA_HOME: data });
  browser = await startChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(program.url);
});
afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

async function picture(name: string): Promise<void> {
  if (pictures === null) return;
  mkdirSync(pictures, { recursive: true });
  await page.waitForTimeout(1500);
  await page.screenshot({ path: resolve(pictures, `${name}.jpg`), type: 'jpeg', quality: 72 });
}

/** Centre of the viewer on the page, where the first prediction lies. */
async function viewerCentre() {
  const box = await page.getByLabel('Slide. Arrow keys move, plus and minus zoom.').boundingBox();
  if (!box) throw new Error('the viewer is not there');
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

async function drag(from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 12 });
  await page.mouse.up();
}

/** Share of the square around a point that has the mask's colour more than the tissue has: read from a screenshot. */
async function pixelsAround(point: { x: number; y: number }): Promise<string> {
  const clip = { x: Math.round(point.x) - 6, y: Math.round(point.y) - 6, width: 12, height: 12 };
  return (await page.screenshot({ clip })).toString('base64');
}

async function openPanel(name: string): Promise<void> {
  await page.getByRole('tab', { name }).click();
}

/** A call as the window makes it, with the window's cookie. */
async function call(path: string, input?: unknown) {
  return page.evaluate(
    async ([address, body]) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`/rpc/${address}`, { method: 'POST', headers, body: JSON.stringify({ json: body }) });
      return (await answer.json()).json;
    },
    [path, input] as const,
  );
}

async function slideState() {
  const project = await call('project/get');
  return { project, slide: await call('slide/get', { slideId: project.slides[0].slideId }) };
}

/** Opens the middle of the slide at full resolution, pointer out of the way, and waits until nothing moves any more. */
async function lookClosely(): Promise<{ x: number; y: number }> {
  await page.getByRole('button', { name: 'One screen pixel per slide pixel' }).click();
  const centre = await viewerCentre();
  await page.mouse.move(centre.x + 300, centre.y + 250);
  await settled(centre);
  return centre;
}

async function settled(point: { x: number; y: number }): Promise<string> {
  let last = await pixelsAround(point);
  for (let calm = 0; calm < 4; ) {
    await page.waitForTimeout(400);
    const now = await pixelsAround(point);
    calm = now === last ? calm + 1 : 0;
    last = now;
  }
  return last;
}

test('the demo project opens on tissue with a model and a first prediction', async () => {
  await page.getByText('Nothing to save').waitFor(LONG);
  await expect.poll(async () => (await call('job/list'))[0].state, LONG).toBe('done');
  expect((await slideState()).slide.predictions).toHaveLength(1);
  await lookClosely();
  await picture('workstation');
}, 240_000);

test('a stroke drawn with the mouse is saved, and there after a reload; undo and redo too', async () => {
  const centre = await lookClosely();
  const clean = await settled(centre);
  await page.keyboard.press('b');
  await drag({ x: centre.x - 80, y: centre.y }, { x: centre.x + 80, y: centre.y + 10 });
  await page.getByText('All saved').waitFor(LONG);
  const { history } = (await slideState()).slide;
  expect(history).toMatchObject({ canUndo: true, canRedo: false });

  await page.reload();
  await page.getByText('Nothing to save').waitFor(LONG);
  expect((await slideState()).slide.history).toEqual(history);
  await lookClosely();
  await expect.poll(() => pixelsAround(centre), LONG).not.toBe(clean);
  await picture('correct');
  await page.keyboard.press('Control+z');
  await expect.poll(() => pixelsAround(centre), LONG).toBe(clean);
  expect((await slideState()).slide.history).toMatchObject({ canUndo: false, canRedo: true });
  await page.keyboard.press('Control+Shift+z');
  await expect.poll(() => pixelsAround(centre), LONG).not.toBe(clean);
}, 240_000);

test('the view is predicted and accepted from the panels', async () => {
  await openPanel('Predict');
  await page.getByText('Current view').click();
  await page.getByRole('button', { name: 'Predict', exact: true }).click();
  await page.getByText(/tiles predicted/).waitFor(LONG);
  await openPanel('Correct');
  await page.getByRole('button', { name: 'Accept all in view' }).click();
  await page.getByText('All saved').waitFor(LONG);
  await openPanel('History');
  await page
    .getByText(/accept/i)
    .first()
    .waitFor();
}, 240_000);

/**
 * The corrections of a patient person: the drawn slide's truth over the middle four mask tiles, laid on as an import. The window's
 * own strokes are tested above; this gives the model something real to learn.
 */
async function correctByTruth(): Promise<void> {
  const { project, slide } = await slideState();
  const drawn = asDrawnSlide(await openSlide(join(project.path, 'slides', slide.name)));
  if (!drawn) throw new Error('the demo slide is not a drawn one');
  const { widthPx, heightPx } = slide.info;
  const area = { x: widthPx / 2 - 512, y: heightPx / 2 - 512, width: 1024, height: 1024 };
  const truth = await drawn.truth(area, area.width, area.height);
  await drawn.close();
  const shift = (ring: readonly number[]) =>
    Array.from({ length: ring.length / 2 + 1 }, (_, i) => {
      const at = (2 * i) % ring.length;
      return [ring[at]! + area.x, ring[at + 1]! + area.y];
    });
  const features = traceContours({ width: area.width, height: area.height, data: truth }).map((polygon) => ({
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [polygon.outer, ...polygon.holes].map(shift) },
    properties: { classification: { name: polygon.label === BACKGROUND ? 'Background' : 'Nucleus' } },
  }));
  const path = join(project.path, 'truth.geojson');
  writeFileSync(path, JSON.stringify({ type: 'FeatureCollection', features }));
  const input = { slideId: slide.slideId, requestId: randomUUID(), path, classes: null };
  expect((await call('mask/importFile', input)).tiles.length).toBeGreaterThan(0);
}

test('the model learns from corrections, goes live because it is better, and can be compared with its parent', async () => {
  await correctByTruth();
  await openPanel('Train');
  await page.getByLabel('Steps').fill('30');
  await page.getByRole('button', { name: 'Fine-tune', exact: true }).click();
  await page.getByRole('img', { name: /Training loss/ }).waitFor(LONG);
  await page.waitForTimeout(4000);
  await picture('train');
  await page.getByText('Better on the held-out corrections: this version is live now.').waitFor(LONG);
  const job = (await call('job/list')).find((entry: { kind: string }) => entry.kind === 'train');
  const { record, modelId } = job.result;
  expect(record.steps).toBe(30);
  expect(record.diceAfter).toBeGreaterThan(record.diceBefore);
  const { project, slide } = await slideState();
  expect(project.liveModelId).toBe(modelId);
  expect(slide.predictions.map((layer: { modelId: string }) => layer.modelId)[0]).toBe(modelId);
  await page.getByRole('button', { name: 'Compare before and after' }).click();
  await expect
    .poll(async () => (await call('job/list')).every((j: { state: string }) => j.state === 'done'), LONG)
    .toBe(true);
}, 300_000);

test('the corrected slide is exported from the panel', async () => {
  await openPanel('Export');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByText(/files in/).waitFor(LONG);
  await picture('export');
  const job = (await call('job/list')).find((entry: { kind: string }) => entry.kind === 'export');
  const manifest = JSON.parse(readFileSync(join(job.result.folder, 'manifest.json'), 'utf8'));
  const geojson = job.result.files.find((name: string) => name.endsWith('.geojson'));
  const { features } = JSON.parse(readFileSync(join(job.result.folder, geojson), 'utf8'));
  expect(features.length).toBeGreaterThan(100);
  expect(JSON.stringify(manifest)).toContain((await slideState()).project.liveModelId);
}, 240_000);

test('nothing in the window complained', () => {
  expect(complaints).toEqual([]);
});
