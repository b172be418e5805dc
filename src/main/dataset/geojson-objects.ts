/**
 * Outlines and class names out of a GeoJSON text, as QuPath and others write it: a FeatureCollection, a bare array of
 * features, one feature, or a geometry alone. Checks every number at the door; draws nothing and knows no classes.
 */
import { HistoloopError } from '../../core/errors.ts';

export interface GeoJsonObject {
  /** Place in the file, from 1. */
  readonly number: number;
  /** '' where the object has none. */
  readonly className: string;
  /** Polygons of rings of flat x, y, …; outer ring first. */
  readonly polygons: readonly (readonly number[][])[];
}

export interface GeoJsonContent {
  readonly objects: readonly GeoJsonObject[];
  /** Geometries that cover no area, by type: points, lines … */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Node cannot hold a longer text. */
const MAX_BYTES = 500_000_000;

/** Errors: `bad-input` with what is wrong and in which object. */
export function parseGeoJson(bytes: Uint8Array): GeoJsonContent {
  const objects: GeoJsonObject[] = [];
  const skipped = new Map<string, number>();
  featuresOf(parseJson(bytes)).forEach((feature, index) => {
    const place = `object ${index + 1}`;
    if (!isRecord(feature)) throw bad(`${place} is ${describe(feature)}, not a GeoJSON feature`);
    const geometry = 'geometry' in feature ? feature.geometry : feature;
    const polygons = polygonsOf(geometry, place);
    if (polygons !== null) objects.push({ number: index + 1, className: classNameOf(feature, place), polygons });
    else {
      const type = isRecord(geometry) ? String(geometry.type) : 'nothing';
      skipped.set(type, (skipped.get(type) ?? 0) + 1);
    }
  });
  return { objects, skipped };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw bad('the file is empty');
  if (bytes.length > MAX_BYTES)
    throw bad(`the file has ${bytes.length} bytes; at most ${MAX_BYTES} are read: split it`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw bad(`the file is no whole JSON text (${reason.slice(0, 200)}); export it again`, error);
  }
}

function featuresOf(root: unknown): readonly unknown[] {
  if (Array.isArray(root)) return root;
  if (!isRecord(root)) throw bad(`the file holds ${describe(root)}, not GeoJSON`);
  if (root.type !== 'FeatureCollection') {
    if (root.type === 'Feature' || 'coordinates' in root) return [root];
    throw bad(`the file is no GeoJSON: its type is ${describe(root.type)}`);
  }
  if (!Array.isArray(root.features)) throw bad(`the file's features are ${describe(root.features)}, not a list`);
  return root.features;
}

/** Null for a geometry that covers no area. */
function polygonsOf(geometry: unknown, place: string): number[][][] | null {
  if (!isRecord(geometry)) return null;
  const { type, coordinates } = geometry;
  if (type === 'Polygon') return [ringsOf(coordinates, place)];
  if (type === 'MultiPolygon') return listOf(coordinates, place).map((rings) => ringsOf(rings, place));
  if (type === 'GeometryCollection') throw bad(`${place} is a GeometryCollection; only polygons can be laid on a mask`);
  return null;
}

function ringsOf(rings: unknown, place: string): number[][] {
  return listOf(rings, place).map((ring) => {
    const positions = listOf(ring, place);
    if (positions.length < 3) throw bad(`${place} has a ring of ${positions.length} points; an outline needs three`);
    const flat: number[] = [];
    for (const position of positions) {
      const [x, y] = listOf(position, place);
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        throw bad(`${place} has the point ${describe(x)}, ${describe(y)}; coordinates must be numbers`);
      }
      flat.push(x as number, y as number);
    }
    return flat;
  });
}

/** `classification` as QuPath wrote it over the years (name, names, a plain text), else '' . */
function classNameOf(feature: Record<string, unknown>, place: string): string {
  const properties = isRecord(feature.properties) ? feature.properties : {};
  const classification = properties.classification ?? '';
  const name = isRecord(classification) ? (classification.name ?? classification.names ?? '') : classification;
  const text = Array.isArray(name) ? name.join(': ') : name;
  if (typeof text !== 'string') throw bad(`${place} has the class ${describe(text)}, which is no name`);
  return text.trim();
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(`${place} has ${describe(value)} where a list of coordinates should be`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A short word for a stranger's value: never a whole nested structure. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'an object';
  return typeof value === 'string' ? `«${value.slice(0, 60)}»` : String(value);
}

function bad(message: string, cause?: unknown): HistoloopError {
  return new HistoloopError('bad-input', message, { cause });
}
