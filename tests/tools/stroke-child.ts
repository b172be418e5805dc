/**
 * The victim of the kill test: `stroke-child.ts FOLDER FIRST_STEP` opens the project and works through the script for ever,
 * printing `open`, then each step's number once the store has acknowledged it.
 */
import { writeSync } from 'node:fs';
import { isHistoloopError } from '../../src/core/errors.ts';
import { openStore } from '../../src/main/store/store.ts';
import { requestIdOf, stepAt } from './stroke-script.ts';

const [folder, first] = process.argv.slice(2);
if (folder === undefined || first === undefined) throw new Error('usage: stroke-child.ts FOLDER FIRST_STEP');
const store = await openStore(folder, { createIfMissing: false });
const layerId = (await store.slides())[0]!.humanLayerId;
writeSync(1, 'open\n');

for (let index = Number(first); ; index++) {
  const step = stepAt(index);
  const requestId = requestIdOf(index);
  try {
    if (step.kind === 'edit') {
      await store.edit({ layerId, requestId, tool: 'brush', user: 'ann', modelId: null }, step.operation);
    } else await store[step.kind](layerId, requestId, 'ann');
  } catch (error) {
    // Nothing to undo or redo at this step: no edit, by the script's own rule.
    if (!isHistoloopError(error) || error.code !== 'conflict') throw error;
  }
  writeSync(1, `${index}\n`);
}
