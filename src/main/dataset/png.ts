/** A tiny PNG encoder: 8-bit grey or colour, one filter, one compression level, no metadata, so equal pixels give equal bytes. */
import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

const deflateAsync = promisify(deflate);
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Fixed for ever: changing it changes the bytes of every export. */
export const DEFLATE_LEVEL = 6;

export interface GreyImage {
  readonly width: number;
  readonly height: number;
  /** Row-major; one byte a pixel, or three. */
  readonly data: Uint8Array;
}

export function encodeGreyPng(image: GreyImage): Promise<Uint8Array> {
  return encode(image, { samples: 1, colorType: 0 });
}

/** Three bytes a pixel: red, green, blue. */
export function encodeRgbPng(image: GreyImage): Promise<Uint8Array> {
  return encode(image, { samples: 3, colorType: 2 });
}

interface Pixels {
  readonly samples: number;
  readonly colorType: number;
}

/** Source: PNG specification, third edition (W3C 2025), sections 5 and 11. */
async function encode({ width, height, data }: GreyImage, { samples, colorType }: Pixels): Promise<Uint8Array> {
  const line = width * samples;
  const rows = Buffer.alloc(height * (line + 1));
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = colorType;
  const pixels = await deflateAsync(rows, { level: DEFLATE_LEVEL });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(body.length, 0);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}
