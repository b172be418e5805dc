/** The kinds of cells of a drawn slide, in the order they are drawn: what each looks like and where it lives. */
import { CELL_REACH_UM, type CellKind, type Site, SMEAR_REACH_UM } from './cells.ts';
import { FIELD } from './tissue-map.ts';

/** True in plain connective tissue, a little away from every other tissue. */
function isStroma(fields: Float32Array, marginUm: number): boolean {
  return (
    fields[FIELD.tissue]! > marginUm &&
    fields[FIELD.lumen]! < -marginUm &&
    fields[FIELD.vessel]! < -marginUm &&
    fields[FIELD.epithelium]! < -marginUm &&
    fields[FIELD.malignant]! < -marginUm
  );
}

/** Crushed chromatin drawn out along the fibres: as dark as a nucleus, but none. */
const smear: CellKind = {
  id: 11,
  spacingUm: 64,
  jitter: 1,
  reachUm: SMEAR_REACH_UM,
  gate: [FIELD.tissue, 12],
  maxPitchUm: 40,
  body: 0,
  shape({ fields, chance, nucleus, fibreAngle }) {
    if (!isStroma(fields, 12) || chance() > 0.5) return null;
    nucleus.a = 10 + 24 * chance();
    nucleus.b = 1.2 + 2.2 * chance();
    nucleus.angle = fibreAngle() + (chance() - 0.5) * 0.3;
    nucleus.three = 0.25 * chance();
    nucleus.five = 0.2 * chance();
    nucleus.phase = chance() * 6.28;
    nucleus.haematoxylin = 0.3 + 0.4 * chance();
    nucleus.eosin = 0.03;
    nucleus.softUm = 3.4;
    return 'smear';
  },
};

/** Fibroblasts: thin, dark, along the fibres. */
const fibroblast: CellKind = {
  id: 12,
  spacingUm: 19,
  jitter: 1,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.tissue, 4],
  maxPitchUm: 40,
  body: 0,
  shape({ fields, chance, nucleus, fibreAngle }) {
    if (!isStroma(fields, 4) || chance() > 0.62) return null;
    nucleus.a = 4.2 + 3.6 * chance();
    nucleus.b = 1.1 + 0.75 * chance();
    nucleus.angle = fibreAngle() + (chance() - 0.5) * 0.5;
    nucleus.haematoxylin = 0.38 + 0.35 * chance();
    nucleus.eosin = 0.1;
    nucleus.three = 0.06;
    nucleus.phase = chance() * 6.28;
    nucleus.chromatin = 0.25;
    return 'nucleus';
  },
};

/** Flat cells that line vessels. */
const endothelium: CellKind = {
  id: 13,
  spacingUm: 6,
  jitter: 1,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.vessel, -2.4],
  maxPitchUm: 2.5,
  body: 0,
  shape({ fields, chance, nucleus, fibreAngle }) {
    const edge = fields[FIELD.vessel]!;
    if (edge < -2.4 || edge > 0.2 || chance() > 0.4) return null;
    nucleus.a = 3 + 1.4 * chance();
    nucleus.b = 1.1 + 0.3 * chance();
    nucleus.angle = fibreAngle() + (chance() - 0.5) * 1.2;
    nucleus.haematoxylin = 0.62;
    nucleus.eosin = 0.1;
    return 'nucleus';
  },
};

const redCell: CellKind = {
  id: 14,
  spacingUm: 6.4,
  jitter: 0.75,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.vessel, -16],
  maxPitchUm: 2.5,
  body: 0,
  shape({ fields, chance, nucleus }) {
    const escaped = fields[FIELD.vessel]! > -16 && isStroma(fields, 1) && chance() < 0.03;
    if (!escaped && (fields[FIELD.vessel]! < 2.4 || chance() > 0.72)) return null;
    nucleus.a = 2.9 + 0.5 * chance();
    nucleus.b = nucleus.a * (0.78 + 0.22 * chance());
    nucleus.angle = chance() * 3.14;
    nucleus.eosin = 0.62 + 0.2 * chance();
    nucleus.softUm = 0.8;
    return 'red-cell';
  },
};

/** Lymphocytes: small, round, dark; in crowds where the inflammation field is high. */
const lymphocyte: CellKind = {
  id: 15,
  spacingUm: 8.2,
  jitter: 0.85,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.tissue, 3],
  maxPitchUm: 40,
  body: 0,
  shape({ fields, chance, nucleus }) {
    const crowd = Math.min(0.75, 0.012 + Math.max(0, fields[FIELD.inflammation]!) * 3.2);
    if (!isStroma(fields, 3) || chance() > crowd) return null;
    nucleus.a = 2.7 + 0.65 * chance();
    nucleus.b = nucleus.a * (0.86 + 0.14 * chance());
    nucleus.angle = chance() * 3.14;
    nucleus.haematoxylin = 0.6 + 0.25 * chance();
    nucleus.eosin = 0.06;
    nucleus.chromatin = 0.5;
    nucleus.phase = chance() * 6.28;
    return 'nucleus';
  },
};

/** Equal round nuclei on a jittered regular grid. */
const epithelialCell: CellKind = {
  id: 16,
  spacingUm: 10.2,
  jitter: 0.34,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.epithelium, 2.6],
  maxPitchUm: 40,
  body: 0.46,
  shape({ fields, chance, nucleus }) {
    const depth = fields[FIELD.epithelium]!;
    if (depth < 2.6 || fields[FIELD.lumen]! > -4 || fields[FIELD.malignant]! > -3) return null;
    const basal = Math.max(0, 1 - depth / 12);
    nucleus.a = 3.15 + 0.35 * chance();
    nucleus.b = nucleus.a * (0.84 + 0.14 * chance());
    nucleus.angle = chance() * 3.14;
    nucleus.haematoxylin = 0.27 + 0.16 * chance() + 0.16 * basal;
    nucleus.eosin = 0.1;
    nucleus.rim = 0.3;
    nucleus.phase = chance() * 6.28;
    if (chance() < 0.2) makeVesicular(nucleus, 0.6);
    return 'nucleus';
  },
};

function makeVesicular(nucleus: Site['nucleus'], amount: number): void {
  nucleus.vesicular = amount;
  nucleus.rim = 0.6;
  nucleus.nucleolus = 0.24;
}

/** Crowded, lumpy, of all sizes, partly over each other; some pale with nucleoli, some dividing. */
const malignantCell: CellKind = {
  id: 17,
  spacingUm: 9.6,
  jitter: 0.95,
  reachUm: CELL_REACH_UM,
  gate: [FIELD.malignant, 2.5],
  maxPitchUm: 40,
  body: 0.5,
  shape({ fields, chance, nucleus }) {
    if (fields[FIELD.malignant]! < 2.5 || chance() > 0.9) return null;
    const size = 2.8 + 3.6 * chance() ** 1.7;
    const stretch = 1 + 0.75 * chance() ** 2;
    nucleus.a = size * Math.sqrt(stretch);
    nucleus.b = size / Math.sqrt(stretch);
    nucleus.angle = chance() * 3.14;
    nucleus.three = 0.13 * chance();
    nucleus.five = 0.08 * chance();
    nucleus.phase = chance() * 6.28;
    nucleus.haematoxylin = 0.27 + 0.5 * chance() ** 1.7;
    nucleus.eosin = 0.1;
    nucleus.chromatin = 0.5 + 0.4 * chance();
    nucleus.rim = 0.4;
    const fate = chance();
    if (fate < 0.42) makeVesicular(nucleus, 0.6 + 0.3 * chance());
    else if (fate > 0.975) makeDividing(nucleus);
    return 'nucleus';
  },
};

/** A mitosis: a ragged dark plate without a membrane. */
function makeDividing(nucleus: Site['nucleus']): void {
  nucleus.a = 4.6;
  nucleus.b = 1.8;
  nucleus.three = 0.22;
  nucleus.five = 0.1;
  nucleus.haematoxylin = 1;
  nucleus.rim = 0;
  nucleus.chromatin = 0.3;
}

export const CELL_KINDS: readonly CellKind[] = [
  smear,
  fibroblast,
  endothelium,
  redCell,
  lymphocyte,
  epithelialCell,
  malignantCell,
];
