/** Panels: reachable, readable by everyone (axe), and honest about work that runs. */
import axe from 'axe-core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { JobState } from '../../src/core/contract.ts';
import { COMMANDS } from '../../src/renderer/commands.ts';
import { PANELS } from '../../src/renderer/state.ts';
import { texts } from '../../src/renderer/texts.ts';
import { FAKE_MEASUREMENT } from './fake-engine.ts';
import { type MountedWindow, mountWindow } from './mount.tsx';

let mounted: MountedWindow | null = null;
const open = async (...args: Parameters<typeof mountWindow>) => {
  mounted = await mountWindow(...args);
  return mounted;
};
afterEach(() => {
  mounted?.unmount();
  mounted = null;
});

const text = () => document.querySelector('.panel-body')?.textContent ?? '';

async function violations(): Promise<string[]> {
  const report = await axe.run(document, { resultTypes: ['violations'] });
  return report.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
  );
}

const job = (change: Partial<JobState>): JobState => ({
  jobId: 'j1',
  kind: 'train',
  title: 'Fine-tune Nuclei v2',
  state: 'running',
  progress: { done: 30, total: 120, unit: 'steps', perSecond: 3.1, secondsLeft: 29 },
  message: 'learning from 9 blocks',
  loss: [1, 0.9, 2, 0.7, 3, 0.6],
  startedAt: '2026-11-20T10:00:00.000Z',
  error: null,
  result: null,
  resumable: false,
  ...change,
});

const record = {
  corrections: 14,
  trainingBlocks: 9,
  heldOutBlocks: 3,
  steps: 120,
  seconds: 41,
  seed: 7,
  diceBefore: 0.712,
  diceAfter: 0.803,
  warnings: ['only 3 blocks are held out'],
};

const JOBS: readonly JobState[] = [
  job({ state: 'done', result: { kind: 'train', modelId: 'm2', promoted: true, record } }),
  job({
    jobId: 'j2',
    kind: 'predict',
    title: 'Predict',
    state: 'interrupted',
    resumable: true,
    progress: { done: 3, total: 9, unit: 'tiles', perSecond: null, secondsLeft: null },
  }),
  job({
    jobId: 'j3',
    kind: 'export',
    title: 'Export',
    state: 'failed',
    error: { code: 'disk-full', message: 'the disk is full; free some space', data: {} },
  }),
];

describe('axe finds nothing', () => {
  test.each(PANELS)('on the %s panel', async (panel) => {
    const { key, drag } = await open({ jobs: JOBS }, { panel });
    key('b');
    drag([
      [700, 500],
      [720, 500],
    ]);
    await vi.waitFor(() => expect(document.querySelector('.saving-good')).not.toBeNull());
    expect(await violations()).toEqual([]);
  });

  test('on the cheat sheet, and while a class is edited', async () => {
    const { key } = await open();
    key('?');
    await vi.waitFor(() => expect(document.querySelector('[role="dialog"]')).not.toBeNull());
    expect(await violations()).toEqual([]);
    key('Escape');
    await vi.waitFor(() => expect(document.querySelector('[role="dialog"]')).toBeNull());
    document.querySelector<HTMLButtonElement>('[aria-label="Change Nucleus"]')!.click();
    await vi.waitFor(() => expect(document.querySelector('.card form')).not.toBeNull());
    expect(await violations()).toEqual([]);
  });
});

test('? opens a sheet that names every key there is', async () => {
  const { key } = await open();
  key('?');
  const sheet = await vi.waitFor(() => {
    const dialog = document.querySelector('[role="dialog"]');
    expect(dialog).not.toBeNull();
    return dialog!;
  });
  const shown = [...sheet.querySelectorAll('kbd')].map((one) => one.textContent);
  const families = /^(class\.|view\.(left|right|up|down))/;
  for (const command of COMMANDS.filter(({ id }) => !families.test(id))) {
    for (const name of command.keys) expect(shown, command.id).toContain(name);
  }
});

test('no two commands want the same key', () => {
  const keys = COMMANDS.flatMap((command) => command.keys);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a page at 1440×900 does not scroll, and every panel’s tab is reached by arrow keys', async () => {
  await open();
  expect(document.documentElement.scrollHeight).toBeLessThanOrEqual(window.innerHeight);
  expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(window.innerWidth);
  const tabs = [...document.querySelectorAll<HTMLButtonElement>('[role="tab"]')];
  expect(tabs).toHaveLength(PANELS.length);
  tabs[0]!.focus();
  tabs[0]!.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', code: 'ArrowDown', bubbles: true }));
  await vi.waitFor(() => expect(tabs[1]!.getAttribute('aria-selected')).toBe('true'));
});

test('training shows its curve while it runs and the honest figures after', async () => {
  const { fake } = await open({}, { panel: 'train' });
  fake.emit({ kind: 'job.progressed', job: job({}) });
  await vi.waitFor(() =>
    expect(document.querySelector('.loss-curve polyline')?.getAttribute('points')).toMatch(/^\S+,\S+( \S+,\S+){2}$/),
  );
  expect(text()).toContain('30 of 120 steps · 3.1 steps/s · 29 s left');
  fake.emit({ kind: 'job.progressed', job: JOBS[0]! });
  await vi.waitFor(() => expect(text()).toContain('0.712'));
  expect(text()).toContain('0.803');
  expect(text()).toContain(texts.train.promoted);
  expect(text()).toContain('9 blocks trained on, 3 held out');
  fake.emit({
    kind: 'job.progressed',
    job: job({
      state: 'done',
      result: { kind: 'train', modelId: 'm3', promoted: false, record: { ...record, diceAfter: 0.6 } },
    }),
  });
  await vi.waitFor(() => expect(text()).toContain(texts.train.refused));
});

test('prediction asks for exactly the view that is shown, and can be cancelled', async () => {
  const { fake, session } = await open({}, { panel: 'predict' });
  const start = vi.spyOn(fake.client.predict, 'start');
  const button = (name: string) =>
    [...document.querySelectorAll<HTMLButtonElement>('.panel-body button')].find((one) => one.textContent === name);
  button('Predict')!.click();
  await vi.waitFor(() => expect(start).toHaveBeenCalled());
  const { x, y, width, height } = session.view.getState().viewport!;
  const { region } = start.mock.calls[0]![0];
  expect(region!.x).toBe(Math.max(0, Math.floor(x)));
  expect(region!.y).toBe(Math.max(0, Math.floor(y)));
  expect(region!.width).toBeLessThanOrEqual(Math.ceil(width) + 1);
  expect(region!.height).toBeLessThanOrEqual(Math.ceil(height) + 1);
  await vi.waitFor(() => expect(button('Cancel')).toBeDefined());
  button('Cancel')!.click();
  await vi.waitFor(() => expect(text()).toContain('Cancelled'));
});

test('a stopped prediction can be resumed, a failed job says why', async () => {
  const { fake, session } = await open({ jobs: JOBS }, { panel: 'predict' });
  expect(text()).toContain('Interrupted');
  [...document.querySelectorAll<HTMLButtonElement>('.panel-body button')]
    .find((one) => one.textContent === 'Resume')!
    .click();
  await vi.waitFor(() => expect(fake.calls).toContain('job.resume'));
  session.view.setState({ panel: 'export' });
  await vi.waitFor(() => expect(text()).toContain('The disk is full; free some space.'));
});

test('the history says who, with what and how much, and undo there works', async () => {
  const { fake, key, drag } = await open({}, { panel: 'history' });
  key('b');
  drag([[700, 500]]);
  await vi.waitFor(() => expect(text()).toMatch(/brush.*Dr\. Rossi.*\d+ px/));
  [...document.querySelectorAll<HTMLButtonElement>('.panel-body button')]
    .find((one) => one.textContent === 'Undo')!
    .click();
  await vi.waitFor(() => expect(text()).toContain('takes back no. 1'));
  expect(fake.calls).toContain('mask.undo');
});

test('a wrong path is told in the workstation’s own words', async () => {
  const { key } = await open({}, { panel: 'slides' });
  const input = document.querySelector<HTMLInputElement>('.panel-body input')!;
  input.focus();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(input, '/no/such.svs');
  input.dispatchEvent(new Event('input', { bubbles: true }));
  key('x');
  await vi.waitFor(() => {
    const add = [...document.querySelectorAll<HTMLButtonElement>('.panel-body button')].find(
      (one) => one.textContent === 'Add',
    )!;
    expect(add.disabled).toBe(false);
    add.click();
  });
  await vi.waitFor(() =>
    expect(document.querySelector('[role="alert"]')?.textContent).toContain(
      'There is no file /no/such.svs; check the path.',
    ),
  );
});

describe('the page on what computes', () => {
  const radio = (name: RegExp) =>
    [...document.querySelectorAll<HTMLInputElement>('input[type=radio]')].find((input) =>
      name.test(input.closest('.mantine-Radio-root')?.textContent ?? ''),
    );
  const button = (name: string) => [...document.querySelectorAll('button')].find((one) => one.textContent === name);

  test('opens from the header, names each provider and says why one is out of reach', async () => {
    await open();
    document.querySelector<HTMLButtonElement>(`header button[aria-label*="${texts.header.openEngine}"]`)?.click();
    await vi.waitFor(() => expect(radio(/Processor/)?.checked).toBe(true));
    expect(radio(/WebGPU.*tried on this machine once it is chosen/)?.disabled).toBe(false);
    expect(radio(/DirectML.*is a part of Windows/)?.disabled).toBe(true);
    expect(text()).toMatch(/Not measured yet.*A processor, 8 cores.*none needed/s);
  });

  test('another provider is chosen by a click, and nothing may be changed while work runs', async () => {
    const { fake } = await open({}, { panel: 'engine' });
    await vi.waitFor(() => expect(radio(/WebGPU/)).toBeDefined());
    radio(/WebGPU/)!.click();
    await vi.waitFor(() => expect(text()).toMatch(/WebGPU\)In use/));
    expect(fake.calls).toContain('engine.choose');
    button(texts.engine.measure)!.click();
    await vi.waitFor(() => expect(text()).toMatch(/Measure speed/));
    expect(button(texts.engine.measure)).toBeUndefined();
    expect(radio(/Processor/)?.disabled).toBe(true);
  });

  test('a measurement shows its rates, and what went back to the processor', async () => {
    await open({ truth: { provider: 'webgpu', measured: FAKE_MEASUREMENT } }, { panel: 'engine' });
    await vi.waitFor(() => expect(text()).toMatch(/41.3 tiles a second.*9.62 steps a second.*100 %.*97 %/s));
    expect(text()).toMatch(/went back to the processor.*Einsum/);
    expect(await violations()).toEqual([]);
  });
});
