/** How one tile's labels lie in the database: CRC-32 of the run-length code (4 bytes, little-endian), then the code, deflated. */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { HistoloopError } from '../../core/errors.ts';
import { encodeTile } from '../../core/mask/codec.ts';
import { TILE_LENGTH } from '../../core/mask/tile-grid.ts';

const CRC_BYTES = 4;
const EMPTY_CODE = encodeTile(new Uint8Array(TILE_LENGTH));
/** Two bytes a label is the worst that the code can do. */
const MAX_CODE_BYTES = 2 * TILE_LENGTH;

/** Null for a tile without any label. */
export function toBlob(labels: Uint8Array): Uint8Array | null {
  const code = encodeTile(labels);
  if (Buffer.compare(code, EMPTY_CODE) === 0) return null;
  const deflated = deflateRawSync(code, { level: 1 });
  const blob = Buffer.alloc(CRC_BYTES + deflated.length);
  blob.writeUInt32LE(crc32(code));
  blob.set(deflated, CRC_BYTES);
  return blob;
}

/** The run-length code in memory of its own. Errors: `tile-damaged` where the bytes are not what was stored. */
export function codeOfBlob(blob: Uint8Array): Uint8Array {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  try {
    const code = inflateRawSync(bytes.subarray(CRC_BYTES), { maxOutputLength: MAX_CODE_BYTES });
    if (crc32(code) === bytes.readUInt32LE()) return new Uint8Array(code);
  } catch (cause) {
    throw damaged(cause);
  }
  throw damaged(undefined);
}

function damaged(cause: unknown): HistoloopError {
  return new HistoloopError(
    'tile-damaged',
    'a stored mask tile is damaged; undo the last edit there or restore a copy of the project',
    {
      cause,
    },
  );
}
