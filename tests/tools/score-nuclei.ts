/** Dice of a nuclei model and of its plain peer (Otsu on haematoxylin) on the same fields, counted over all pixels together. */
import type { TrainingBlock } from '../../src/core/learn/blocks.ts';
import { evaluateBlocks, overlapWhereSpoken, summariseAgreement } from '../../src/core/learn/evaluate.ts';
import type { ModelCard, ModelScore } from '../../src/core/learn/model-card.ts';
import { thresholdNuclei } from '../../src/core/learn/stain-threshold.ts';
import type { OpenSession } from '../../src/core/nn/session.ts';
import { NUCLEI_CLASS_IDS } from './nuinsseg.ts';

export interface Scored {
  readonly model: Uint8Array;
  readonly card: ModelCard;
  readonly open: OpenSession;
}

export function thresholdDice(blocks: readonly TrainingBlock[]): number {
  const counts = blocks.map((block) => overlapWhereSpoken(block.human, thresholdNuclei(block.image), NUCLEI_CLASS_IDS));
  return summariseAgreement(counts, NUCLEI_CLASS_IDS).dice;
}

/** One row of a model card. */
export async function scoreOn(data: string, blocks: readonly TrainingBlock[], scored: Scored): Promise<ModelScore> {
  const { dice } = await evaluateBlocks({ ...scored, classIds: NUCLEI_CLASS_IDS, blocks });
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  return {
    data,
    metric: 'Dice of nucleus pixels, all fields pooled',
    value: round(dice),
    fields: blocks.length,
    peer: { name: 'Otsu threshold on the haematoxylin channel', value: round(thresholdDice(blocks)) },
  };
}
