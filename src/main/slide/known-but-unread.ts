/** Slide families this version recognises but does not read: each is refused with a sentence that says what to do. */
import { HistoloopError } from '../../core/errors.ts';
import type { SlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';
import { isTiff, readTiffDirectories } from './tiff-directory.ts';

interface Family {
  readonly name: string;
  matches(file: SlideFile): boolean | Promise<boolean>;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'Hamamatsu NDPI',
    matches: async (file) => isTiff(file.head) && (await readTiffDirectories(file))[0]!.isHamamatsu,
  },
  { name: 'DICOM', matches: (file) => textAt(file, 128, 4) === 'DICM' },
  { name: 'Zeiss CZI', matches: (file) => textAt(file, 0, 10) === 'ZISRAWFILE' },
  { name: 'JPEG 2000', matches: (file) => textAt(file, 4, 4) === 'jP  ' },
  { name: 'MIRAX', matches: (file) => /\.mrxs$/i.test(file.name) },
  { name: 'Olympus VSI', matches: (file) => /\.vsi$/i.test(file.name) },
];

export const knownButUnread: SlideFormat = {
  name: 'known but unread',
  async detect(file) {
    return (await familyOf(file)) !== null;
  },
  async open(file) {
    const family = await familyOf(file);
    const message = `${file.name} is a ${family} file, which this version does not read: convert it to a pyramidal TIFF with JPEG tiles (for example with QuPath or vips)`;
    throw new HistoloopError('slide-unsupported', message, { data: { family } });
  },
};

async function familyOf(file: SlideFile): Promise<string | null> {
  for (const family of FAMILIES) {
    if (await family.matches(file)) return family.name;
  }
  return null;
}

function textAt(file: SlideFile, offset: number, length: number): string {
  return String.fromCharCode(...file.head.subarray(offset, offset + length));
}
