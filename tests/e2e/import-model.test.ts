/** A network of one's own comes in through the window, in real Chromium: wrong input values are seen, put right, and it predicts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeModel } from '../../src/core/nn/onnx.ts';
import { tensorOf } from '../../src/core/nn/tensor.ts';
import { network } from '../core/nn/small-network.ts';
import { type ServedProgram, serveProgram, startChromium } from '../fixtures/program.ts';
import { fileFolder } from '../fixtures/temporary.ts';

const LONG = { timeout: 120_000 };
const folder = fileFolder();
const models = join(folder, 'models');
let program: ServedProgram;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  mkdirSync(models);
  writeFileSync(join(models, 'dark-or-light.onnx'), darkOrLight());
  writeFileSync(join(models, 'letter.onnx'), 'Dear colleague, the model is attached.');
  program = await serveProgram(['--folder', models], { XDG_DATA_HOME: join(folder, 'data') });
  browser = await startChromium();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(program.url);
});
afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

/** Dark where red, of 0 to 255, is under 150. */
function darkOrLight(): Uint8Array {
  const weights = { w: tensorOf('float32', [2, 3, 1, 1], [0, 0, 0, -0.1, 0, 0]), b: tensorOf('float32', [2], [0, 15]) };
  const nodes = [['Conv', ['x', 'w', 'b'], 'y']] as const;
  return encodeModel(network({ nodes, weights, image: ['N', 3, 'H', 'W'], output: ['N', 2, 'H', 'W'], opset: 17 }));
}

async function look(file: string): Promise<void> {
  await page.getByLabel('Import a model').fill(join(models, file));
  await page.keyboard.press('Enter');
}

test('a file that is no model is refused beside its field', async () => {
  await page.getByRole('tab', { name: 'Models' }).click();
  await look('letter.onnx');
  await page.getByRole('alert').getByText('not an ONNX model').waitFor(LONG);
});

test('a network is tried on the slide, put right, imported and made live, with nothing stored before', async () => {
  await page.getByRole('button', { name: 'One screen pixel per slide pixel' }).click();
  await look('dark-or-light.onnx');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Nearly everything is “Class 1”').waitFor(LONG);
  await dialog.getByText('It can learn from corrections').waitFor(LONG);
  expect(await page.locator('[data-model]').count()).toBe(1);

  await dialog.getByRole('combobox', { name: 'Input values' }).click();
  await page.getByRole('option', { name: '0 to 255' }).click();
  await expect.poll(() => dialog.getByText('Nearly everything is').count(), LONG).toBe(0);
  expect(await dialog.locator('img').count()).toBe(2);
  await dialog.getByLabel('Name', { exact: true }).fill('Dark or light');
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.waitFor({ state: 'detached', ...LONG });
  await page.getByRole('button', { name: 'Make live: Dark or light' }).click();
  await expect
    .poll(() => page.locator('[data-model]', { hasText: 'Dark or light' }).getByText('live').count(), LONG)
    .toBe(1);
});
