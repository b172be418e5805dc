/**
 * The pixel size as a file states it, or plainly unknown; never guessed. A value that no microscope gives is kept but
 * comes with a warning that says what to do.
 */
import type { PixelSize } from '../../core/slide.ts';
import type { TiffDirectory } from './tiff-directory.ts';

/** Micrometres per pixel that scanners give, from oil immersion to a low-power overview. */
const PLAUSIBLE_UM = { min: 0.05, max: 50 };
const MICROMETRES_PER_UNIT: Readonly<Record<number, number>> = { 2: 25_400, 3: 10_000 };

export const UNKNOWN_PIXEL_SIZE: PixelSize = { xUm: null, yUm: null, source: 'unknown', warning: null };

/** A stated size: unknown where it is no positive number, with a warning where it is implausible. */
export function statedPixelSize(xUm: number, yUm: number): PixelSize {
  if (!isPositive(xUm) || !isPositive(yUm)) {
    const warning = `the file states a pixel size of ${xUm} × ${yUm} µm, which cannot be: set the pixel size by hand`;
    return { ...UNKNOWN_PIXEL_SIZE, warning };
  }
  return { xUm, yUm, source: 'file', warning: doubt(xUm, yUm) };
}

function doubt(xUm: number, yUm: number): string | null {
  const outside = [xUm, yUm].find((um) => um < PLAUSIBLE_UM.min || um > PLAUSIBLE_UM.max);
  if (outside !== undefined) {
    return `the file states ${short(outside)} µm per pixel, but microscope slides have ${PLAUSIBLE_UM.min} to ${PLAUSIBLE_UM.max} µm: check it and set the pixel size by hand`;
  }
  if (Math.abs(xUm / yUm - 1) > 0.1) {
    return `the file states unequal pixels, ${short(xUm)} × ${short(yUm)} µm: check it and set the pixel size by hand`;
  }
  return null;
}

/** From the TIFF resolution tags; unknown where a tag is missing or has no unit. */
export function pixelSizeFromTags(page: TiffDirectory): PixelSize {
  const unit = MICROMETRES_PER_UNIT[page.resolutionUnit ?? 0];
  if (unit === undefined || page.xResolution === null) return UNKNOWN_PIXEL_SIZE;
  return statedPixelSize(unit / page.xResolution, unit / (page.yResolution ?? page.xResolution));
}

/** From OME-XML (`PhysicalSizeX`, micrometres unless it says otherwise), or null where there is none. */
export function pixelSizeFromOme(description: string): PixelSize | null {
  if (!description.includes('<OME')) return null;
  const x = attribute(description, 'PhysicalSizeX');
  const y = attribute(description, 'PhysicalSizeY') ?? x;
  const units = [attribute(description, 'PhysicalSizeXUnit'), attribute(description, 'PhysicalSizeYUnit')];
  const inMicrometres = units.every((unit) => unit === null || /^(µm|μm|um|&#181;m|&#xB5;m)$/i.test(unit));
  if (x === null || y === null || !inMicrometres) return null;
  return statedPixelSize(Number(x), Number(y));
}

function attribute(xml: string, name: string): string | null {
  return new RegExp(`\\b${name}="([^"]{1,40})"`).exec(xml)?.[1] ?? null;
}

function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

function short(um: number): string {
  return String(Number(um.toPrecision(3)));
}
