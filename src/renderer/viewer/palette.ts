/** Colours of mask values as numbers: from classes and looks to one table that painters read. Draws nothing. */
import { ACCEPTED_BIT, BACKGROUND, classOf, type LabelClass, MAX_CLASS_ID, NOTHING } from '../../core/label.ts';

export interface Look {
  readonly classes: readonly LabelClass[];
  readonly hiddenClasses: ReadonlySet<number>;
  readonly fill: boolean;
  /** 0…1, of the whole mask. */
  readonly opacity: number;
  /** Colours tell who spoke instead of what was said. */
  readonly showOrigin: boolean;
}

/** Who is responsible for a pixel, in colours that colour-blind eyes tell apart (checked in tests/renderer). */
export const ORIGIN_COLORS = { model: '#5aa9ff', human: '#ffb000', accepted: '#ededed' } as const;

/** RGBA in canvas byte order, indexed by mask byte: what a person's layer says, and what a model's layer says. */
export interface Palette {
  readonly human: Uint32Array;
  readonly predicted: Uint32Array;
}

const SOLID = 255;
/** A person's «background» is visible, but faint; a model's, accepted or not, covers most of a slide and is not shown. */
const FAINT = 190;
const LIGHTER = 0.45;

export function makePalette(look: Look): Palette {
  const human = new Uint32Array(256);
  const predicted = new Uint32Array(256);
  for (const { id, color } of look.classes) {
    if (id <= NOTHING || id > MAX_CLASS_ID || look.hiddenClasses.has(id)) continue;
    const alpha = id === BACKGROUND && look.fill ? FAINT : SOLID;
    const drawn = look.showOrigin ? ORIGIN_COLORS.human : color;
    // An outline in the class's own dark grey would be lost on tissue.
    const spoken = id === BACKGROUND && !look.fill && !look.showOrigin ? lighten(color) : drawn;
    const accepted = look.showOrigin ? ORIGIN_COLORS.accepted : look.fill ? color : lighten(color);
    human[id] = packColor(spoken, alpha);
    human[id | ACCEPTED_BIT] = packColor(accepted, alpha);
    if (id === BACKGROUND) human[ACCEPTED_BACKGROUND] = 0;
    else predicted[id] = packColor(look.showOrigin ? ORIGIN_COLORS.model : color, alpha);
  }
  return { human, predicted };
}

/** What a viewer sees of one pixel: a person's word first, else the model's. */
export function colorOf(palette: Palette, human: number, predicted: number): number {
  return human !== NOTHING ? palette.human[human]! : palette.predicted[predicted]!;
}

const ACCEPTED_BACKGROUND = BACKGROUND | ACCEPTED_BIT;

/** The class whose edge an outline follows; background that no person drew has none. `webgl-shaders.ts` says the same. */
export function classAt(human: number, predicted: number): number {
  if (human === ACCEPTED_BACKGROUND) return NOTHING;
  if (human !== NOTHING) return classOf(human);
  return predicted === BACKGROUND ? NOTHING : predicted;
}

export function rgbOf(color: string): readonly [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Little-endian RGBA, as ImageData holds it on every machine browsers run on. */
function packColor(color: string, alpha: number): number {
  const [r, g, b] = rgbOf(color);
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

function lighten(color: string): string {
  const mixed = rgbOf(color).map((channel) => Math.round(channel + (255 - channel) * LIGHTER));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
