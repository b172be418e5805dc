/** What a format reader is: it recognises its files and opens them. `open-slide.ts` lists them, most specific first. */
import type { Slide } from '../../core/slide.ts';
import type { SlideFile } from './slide-file.ts';

export interface SlideFormat {
  readonly name: string;
  /** True where this reader answers for the file; it must not throw for files of other formats. */
  detect(file: SlideFile): Promise<boolean>;
  /** Owns `file` from here on and closes it with the slide. Errors: `slide-unsupported`, `slide-damaged`. */
  open(file: SlideFile): Promise<Slide>;
}
