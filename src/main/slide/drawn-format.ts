/** Recognises and reads the recipe of a drawn slide: a small JSON file. */
import { HistoloopError } from '../../core/errors.ts';
import { checkRecipe } from '../../core/learn/synthesise/recipe.ts';
import type { Slide } from '../../core/slide.ts';
import { openDrawnSlide } from './drawn-slide.ts';
import type { SlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';

const MAX_RECIPE_BYTES = 64 << 10;

export const drawnFormat: SlideFormat = {
  name: 'drawn slide',
  async detect(file) {
    if (/\.histoslide\.json$/i.test(file.name)) return true;
    const text = new TextDecoder().decode(file.head);
    return /^\s*\{/.test(text) && text.includes('"histoloop-drawn"');
  },
  open: openRecipe,
};

async function openRecipe(file: SlideFile): Promise<Slide> {
  if (file.sizeBytes > MAX_RECIPE_BYTES) {
    const message = `${file.name} has ${file.sizeBytes} bytes, too many for a slide recipe: choose another file`;
    throw new HistoloopError('slide-damaged', message);
  }
  const text = new TextDecoder().decode(await file.read(0, file.sizeBytes));
  const recipe = checkRecipe(parseJson(text, file.name));
  await file.close();
  return openDrawnSlide(recipe);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `the slide recipe ${name} is no valid JSON: it may be cut short; copy it again from its source`;
    throw new HistoloopError('slide-damaged', message, { cause });
  }
}
