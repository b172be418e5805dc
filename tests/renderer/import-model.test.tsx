import { afterEach, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import { HistoloopError } from '../../src/core/errors.ts';
import { type MountedWindow, mountWindow } from './mount.tsx';

let mounted: MountedWindow | undefined;
afterEach(() => mounted?.unmount());

const find = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector);
const dialog = () => find('[role="dialog"]');

async function openDialog(): Promise<MountedWindow> {
  mounted = await mountWindow({}, { panel: 'models' });
  const field = await vi.waitFor(() => {
    const found = find<HTMLInputElement>('input[placeholder^="ONNX"]');
    expect(found).not.toBeNull();
    return found!;
  });
  field.focus();
  await userEvent.keyboard('/models/nuclei.onnx{Enter}');
  await vi.waitFor(() => expect(dialog()?.querySelectorAll('img')).toHaveLength(2), 5000);
  return mounted;
}

test('a network is looked at, tried, named and imported with the keyboard alone', async () => {
  const { fake } = await openDialog();
  expect(fake.calls).toContain('model.trial');
  expect(fake.calls).not.toContain('model.import');
  expect(document.activeElement).toBe(dialog()!.querySelector('input'));
  await userEvent.keyboard('{Control>}a{/Control}Our nuclei');
  for (let tabs = 0; tabs < 40 && document.activeElement?.textContent !== 'Import'; tabs++) await userEvent.tab();
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(fake.calls).toContain('model.import'));
  await vi.waitFor(() => expect(dialog()).toBeNull());
});

test('Escape leaves without importing', async () => {
  const { fake } = await openDialog();
  await userEvent.keyboard('{Escape}');
  await vi.waitFor(() => expect(dialog()).toBeNull());
  expect(fake.calls).not.toContain('model.import');
});

test('other input values are tried at once; another name is not', async () => {
  const { fake } = await openDialog();
  const trials = () => fake.calls.filter((call) => call === 'model.trial').length;
  const before = trials();
  await userEvent.keyboard('x');
  await mounted!.frames();
  expect(trials()).toBe(before);
  await userEvent.click(dialog()!.querySelector('input[role="combobox"]')!);
  const option = await vi.waitFor(() => {
    const found = [...document.querySelectorAll<HTMLElement>('[role="option"]')].find(
      (one) => one.textContent === '0 to 255',
    );
    expect(found).toBeDefined();
    return found!;
  });
  await userEvent.click(option);
  await vi.waitFor(() => expect(trials()).toBe(before + 1));
});

test('two classes of one name cannot be imported', async () => {
  await openDialog();
  const [first, second] = [...dialog()!.querySelectorAll<HTMLInputElement>('input[aria-label]')].slice(-2);
  await userEvent.fill(second!, first!.value);
  await vi.waitFor(() => expect(dialog()!.textContent).toContain('Two classes have one name.'));
  const button = [...dialog()!.querySelectorAll('button')].find((one) => one.textContent === 'Import')!;
  expect(button.disabled).toBe(true);
});

test('a file that cannot be used is refused beside its field, and no dialog opens', async () => {
  mounted = await mountWindow({}, { panel: 'models' });
  const { fake } = mounted;
  const field = await vi.waitFor(() => find<HTMLInputElement>('input[placeholder^="ONNX"]')!);
  field.focus();
  fake.failure = new HistoloopError('model-unusable', 'the file is not an ONNX model; export the network to ONNX');
  await userEvent.keyboard('/models/notes.txt{Enter}');
  await vi.waitFor(() => expect(find('[role="alert"]')?.textContent).toContain('not an ONNX model'));
  expect(dialog()).toBeNull();
});
