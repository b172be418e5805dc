/**
 * Makes a stored TIFF JPEG tile a complete JPEG file without decoding it: shared tables in front, and an Adobe marker
 * where the samples are RGB. It looks at markers only; `isWhole` says whether they add up.
 */

/** SOI is separate: marker APP14, length 14, "Adobe", version 100, flags 0, transform 0 (samples are RGB). */
const ADOBE_RGB = Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0);
const PHOTOMETRIC_RGB = 2;

export interface JpegMarkers {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly components: number;
  readonly hasJfif: boolean;
  readonly hasAdobe: boolean;
  readonly hasScan: boolean;
}

/** Markers up to the first scan, or null where the bytes are no JPEG. */
export function readJpegMarkers(bytes: Uint8Array): JpegMarkers | null {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const found = { widthPx: 0, heightPx: 0, components: 0, hasJfif: false, hasAdobe: false, hasScan: false };
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) break;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (length < 2 || at + 2 + length > bytes.length) return null;
    if (marker === 0xe0) found.hasJfif = true;
    if (marker === 0xee) found.hasAdobe = true;
    if (isFrameHeader(marker) && length >= 8) {
      found.heightPx = (bytes[at + 5]! << 8) | bytes[at + 6]!;
      found.widthPx = (bytes[at + 7]! << 8) | bytes[at + 8]!;
      found.components = bytes[at + 9]!;
    }
    if (marker === 0xda) {
      found.hasScan = true;
      break;
    }
    at += 2 + length;
  }
  return found;
}

function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** True where the end-of-image marker is in place (some writers pad after it). */
export function endsAsJpeg(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= Math.max(0, bytes.length - 16); at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  }
  return false;
}

/**
 * A complete JPEG file from a stored tile: `SOI + [APP14] + tables[2..-2] + tile[2..]`. The Adobe marker is added only
 * where the TIFF says RGB and neither the tile nor its tables say otherwise (JFIF implies YCbCr, Adobe speaks for itself).
 */
export function completeJpeg(tile: Uint8Array, tables: Uint8Array | null, photometric: number): Uint8Array {
  const markers = readJpegMarkers(tile);
  const tableMarkers = tables === null ? null : readJpegMarkers(tables);
  const says = (key: 'hasJfif' | 'hasAdobe') => Boolean(markers?.[key]) || Boolean(tableMarkers?.[key]);
  const needsAdobe =
    photometric === PHOTOMETRIC_RGB && markers?.components === 3 && !says('hasJfif') && !says('hasAdobe');
  if (tables === null && !needsAdobe) return tile;
  const inner = tables === null ? new Uint8Array(0) : tables.subarray(2, tables.length - 2);
  const adobe = needsAdobe ? ADOBE_RGB : new Uint8Array(0);
  const whole = new Uint8Array(2 + adobe.length + inner.length + tile.length - 2);
  whole.set([0xff, 0xd8], 0);
  whole.set(adobe, 2);
  whole.set(inner, 2 + adobe.length);
  whole.set(tile.subarray(2), 2 + adobe.length + inner.length);
  return whole;
}
