/** A parent to be killed: starts an engine, a run of about a second, and prints the child's process id. */
import { setTimeout as wait } from 'node:timers/promises';
import { startEngine } from '../../../src/main/engine/engine.ts';
import { slowFeed, slowGraph } from './graphs.ts';

const engine = startEngine({ threads: 1 });
const session = await engine.open(slowGraph(40));
const run = session.run(slowFeed());
await wait(50);
console.log(engine.pid);
await run;
await wait(60_000);
