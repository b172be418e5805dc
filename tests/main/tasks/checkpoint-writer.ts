/** A child that writes ever newer checkpoints of a quarter megabyte until it is killed; argument: the folder. */
import { writeCheckpoint } from '../../../src/main/tasks/checkpoint-files.ts';
import { checkpointAt } from './checkpoint-at.ts';

const folder = process.argv[2] ?? '';
for (let step = Number(process.argv[3] ?? 1); ; step++) {
  await writeCheckpoint(folder, checkpointAt(step));
  process.stdout.write(`${step}\n`);
}
