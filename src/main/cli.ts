/** Shell 3: the command line. It names commands and options; `cli/commands.ts` does the work over the same contract as a window. */

import { isHistoloopError } from '../core/errors.ts';
import { commands } from './cli/commands.ts';
import { parse, UsageError } from './cli/options.ts';
import { createTerminal, reportError } from './cli/terminal.ts';
import { serveCommand } from './serve.ts';

const HELP = `histoloop: correct predicted masks on whole-slide images; the corrections make the model better

  histoloop demo [--seed N] [--steps N] [--fields N] [--slide FILE --labels FILE] [--project FOLDER]
      the whole loop without a window: predict, correct, learn, predict again, export
  histoloop serve [--project FOLDER] [--folder FOLDER …] [--port N] [--no-open] [--read-only]
      the workstation in a browser on this machine
  histoloop slide info FILE            what a slide file says of itself
  histoloop slide tile FILE --level N --column N --row N --out FILE
  histoloop predict --project FOLDER --slide FILE|ID [--region X,Y,WIDTH,HEIGHT] [--model FILE|ID] [--eight-bit]
      --eight-bit: about twice as fast; refused where it would not say the same as the full model
  histoloop correct --project FOLDER --slide FILE|ID --labels FILE [--class NAME-OR-VALUE=CLASS …]
      lays a mask image or GeoJSON over the slide as one undoable correction
  histoloop train --project FOLDER [--steps N] [--seed N]
  histoloop export --project FOLDER [--slide FILE|ID …] [--format geojson,label-png,label-tiff,coco] [--out FOLDER]
  histoloop doctor                     what computes on this machine, and how quickly; 1 where it is not what was asked for

  --json        one JSON document on standard output
  --provider P  cpu (default), webgpu, cuda, dml, coreml, auto
  exit codes    0 done, 1 failed (or the model did not get better), 2 not understood, 130 cancelled
`;

const one = { type: 'string' } as const;
const many = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean' } as const;
const common = { json: flag, provider: one, project: one };

const OPTIONS: { readonly [C in keyof typeof commands]: Parameters<typeof parse>[1] } = {
  demo: { ...common, slide: one, labels: one, seed: one, steps: one, fields: one },
  'slide info': common,
  'slide tile': { ...common, level: one, column: one, row: one, out: one },
  predict: { ...common, slide: one, region: one, model: one, 'eight-bit': flag },
  correct: { ...common, slide: one, labels: one, class: many },
  train: { ...common, steps: one, seed: one },
  export: { ...common, slide: many, format: many, out: one },
  doctor: { json: flag, provider: one },
};

const POSITIONALS: { readonly [C in keyof typeof commands]: number } = {
  demo: 0,
  'slide info': 1,
  'slide tile': 1,
  predict: 0,
  correct: 0,
  train: 0,
  export: 0,
  doctor: 0,
};

function commandOf(args: readonly string[]): { name: keyof typeof commands; rest: readonly string[] } {
  const name = args[0] === 'slide' ? args.slice(0, 2).join(' ') : (args[0] ?? '');
  if (!Object.hasOwn(commands, name))
    throw new UsageError(name === '' ? 'say what to do' : `there is no command «${name}»`);
  return { name: name as keyof typeof commands, rest: args.slice(name.split(' ').length) };
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  try {
    if (args.includes('--help') || args.includes('-h') || args[0] === 'help') {
      console.log(HELP);
      return 0;
    }
    if (args[0] === 'serve') return await serveCommand(args.slice(1));
    const { name, rest } = commandOf(args);
    const parsed = parse(rest, OPTIONS[name]);
    if (parsed.positionals.length > POSITIONALS[name])
      throw new UsageError(`«${parsed.positionals.at(-1)}» is one word too many`);
    return await commands[name](parsed, createTerminal(json));
  } catch (error) {
    const misread = args[0] === 'serve' && isHistoloopError(error) && error.code === 'bad-input';
    if (!(error instanceof UsageError) && !misread) return reportError(error, json);
    console.error(`histoloop: ${error.message}\n\n${HELP}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
