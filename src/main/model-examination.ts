/**
 * From a user's model file to a version, step by step with a person beside it: look, try, import. The last file that was
 * looked at is kept in memory, so that the next step need not examine it again. It stores nothing.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { ModelChoices, ModelExamination } from '../core/contract.ts';
import { type ModelCard, parseModelCard } from '../core/learn/model-card.ts';
import type { Engine, ExamineWish, ModelFacts } from './engine/engine.ts';
import { cardBeside } from './model-import.ts';

/** What decides how the network is wrapped; everything else is only written into its card. */
type Wiring = Pick<ModelChoices, 'output' | 'activation' | 'channelOrder'>;

export interface ProjectModel {
  readonly bytes: Uint8Array;
  readonly card: ModelCard;
}

export interface Examiner {
  /** Errors: `file-missing`, `model-unusable`, `model-output-invalid`, each with what to do. */
  examine(path: string, wiring: Wiring | null): Promise<ModelExamination>;
  /** The project model as chosen. Errors: those of `examine`, and `model-unusable` where the choices do not fit. */
  modelOf(path: string, choices: ModelChoices): Promise<ProjectModel>;
  /** As examining suggests, with nobody asked. */
  suggestedModel(path: string): Promise<ProjectModel>;
  /** Lets go of the last file's bytes. */
  forget(): void;
}

interface Kept {
  readonly key: string;
  readonly facts: Promise<ModelFacts>;
}

export function createExaminer(engine: Engine): Examiner {
  let kept: Kept | null = null;

  async function factsOf(path: string, wish: ExamineWish): Promise<ModelFacts> {
    const real = await realpath(path).catch(() => path);
    const found = await stat(real).catch(() => null);
    const key = JSON.stringify([real, found?.ino, found?.size, found?.mtimeMs, wish]);
    if (kept?.key === key) return kept.facts;
    const facts = engine.examine(real, wish);
    kept = { key, facts };
    facts.catch(() => {
      if (kept?.facts === facts) kept = null;
    });
    return facts;
  }

  async function examined(path: string, wiring: Wiring | null): Promise<{ facts: ModelFacts; said: ModelExamination }> {
    const wish = wiring ?? { output: null, activation: null, channelOrder: 'rgb' };
    const facts = await factsOf(path, wish);
    return { facts, said: examinationOf(path, { facts, wish, card: await readCard(path) }) };
  }

  return {
    examine: async (path, wiring) => (await examined(path, wiring)).said,
    async modelOf(path, choices) {
      const { output, activation, channelOrder } = choices;
      const facts = await factsOf(path, { output, activation, channelOrder });
      return { bytes: facts.bytes, card: cardOf(facts, choices) };
    },
    async suggestedModel(path) {
      const { facts, said } = await examined(path, null);
      return { bytes: facts.bytes, card: cardOf(facts, said.suggested) };
    },
    forget() {
      kept = null;
    },
  };
}

/** Only for suggestions: a card that cannot be read is no reason to refuse a network that a person looks at. */
async function readCard(path: string): Promise<ModelCard | null> {
  const text = await cardBeside(path);
  try {
    return text === null ? null : parseModelCard(JSON.parse(text));
  } catch {
    return null;
  }
}

interface Found {
  readonly facts: ModelFacts;
  readonly wish: ExamineWish;
  readonly card: ModelCard | null;
}

function examinationOf(path: string, found: Found): ModelExamination {
  const { facts, card } = found;
  const { project, learning } = facts;
  const classes = classesOf(found);
  const normalisation = facts.normalisation;
  return {
    path,
    producer: facts.producer,
    opset: facts.opset,
    parameters: facts.parameters,
    learnable: learning.learnable,
    groups: learning.groups,
    trainingProblem: learning.problem,
    input: facts.input,
    outputs: facts.outputs,
    sizeMultiple: project.sizeMultiple,
    fixedSizePx: project.fixedSize?.heightPx ?? null,
    changes: facts.changes,
    warnings: facts.warnings,
    suggested: {
      name: card?.name ?? basename(path, extname(path)),
      output: facts.output,
      activation: facts.activation,
      channelOrder: found.wish.channelOrder,
      normalisation: card?.normalisation ?? {
        mean: normalisation?.mean ?? [0, 0, 0],
        deviation: normalisation?.deviation ?? [1, 1, 1],
      },
      pixelSizeUm: card?.pixelSizeUm ?? facts.pixelSizeUm,
      classes: classes.names,
    },
    why: {
      normalisation: card ? FROM_CARD : (normalisation?.why ?? null),
      classes: classes.why,
      pixelSize: card?.pixelSizeUm ? FROM_CARD : facts.pixelSizeUm === null ? null : 'the file’s metadata says so',
      activation: facts.activationWhy,
    },
  };
}

const FROM_CARD = 'the card beside the file says so';
const BACKGROUND_NAME = 'Background';

/** One name a score channel. A sigmoid network names its classes without the background that was added for it. */
function classesOf({ facts, card }: Found): { names: string[]; why: string | null } {
  const count = facts.project.classes;
  const said = card?.classes ?? facts.classes;
  const why = card ? FROM_CARD : 'the file’s metadata names them';
  if (said?.length === count) return { names: [...said], why };
  if (said?.length === count - 1) return { names: [BACKGROUND_NAME, ...said], why };
  const names = Array.from({ length: count }, (_, i) => (i === 0 ? BACKGROUND_NAME : `Class ${i}`));
  return { names, why: null };
}

function cardOf(facts: ModelFacts, choices: ModelChoices): ModelCard {
  const { project } = facts;
  return parseModelCard({
    format: 'histoloop-model-card/1',
    name: choices.name,
    version: '1',
    description: ['imported', ...facts.changes].join('; '),
    licence: 'unknown',
    dataSources: [],
    classes: sized(choices.classes, project.classes),
    pixelSizeUm: choices.pixelSizeUm,
    pixelSizeNote:
      choices.pixelSizeUm === null ? 'the file does not say at which pixel size the model was trained' : null,
    input: project.inputName,
    output: project.outputName,
    layout: 'NCHW',
    outputKind: 'logits',
    sizeMultiple: project.sizeMultiple,
    fixedSizePx: project.fixedSize?.heightPx ?? null,
    normalisation: choices.normalisation,
    trainingCommand: null,
    scores: [],
    limits: ['imported by its user: nothing is known of how well it does'],
  });
}

/** A sigmoid that is read as a softmax, or the other way round, has one class less or more than the names given. */
function sized(names: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, i) => names[i] ?? `Class ${i}`);
}
