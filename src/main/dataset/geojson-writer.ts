/** Objects as QuPath reads them: a GeoJSON FeatureCollection of annotations in level-0 pixels, one file a slide. */
import { createHash } from 'node:crypto';
import type { ContourPolygon } from '../../core/mask/contour.ts';
import type { Ring } from '../../core/mask/contour-ring.ts';
import { COORDINATES, classOfLabel, type FormatContext, type FormatWriter, type NamedSlide } from './export-format.ts';
import { objectOriginName } from './export-slide.ts';

/** Sources: RFC 7946; QuPath manual, «Exporting annotations», and its reader's rules for ids, measurements and metadata. */
export function geoJsonFormat(context: FormatContext): FormatWriter {
  return {
    async slide(named) {
      const file = await context.files.create(`geojson/${named.fileName}.geojson`);
      await file.write(`{"type":"FeatureCollection","histoloop":${JSON.stringify(headOf(named))},"features":[`);
      let separator = '\n';
      return {
        async object(polygon) {
          await file.write(separator + JSON.stringify(featureOf(polygon, named, context)));
          separator = ',\n';
        },
        async finish() {
          await file.write('\n]}\n');
          await file.finish();
        },
      };
    },
    async finish() {},
  };
}

function headOf({ slide }: NamedSlide) {
  const { widthPx, heightPx, pixelSize } = slide.info;
  return { slide: slide.name, sha256: slide.sha256, widthPx, heightPx, pixelSize, coordinates: COORDINATES };
}

/** Measurements hold numbers only and metadata texts only: QuPath refuses anything else. */
function featureOf(polygon: ContourPolygon, { slide }: NamedSlide, context: FormatContext) {
  const { name, color } = classOfLabel(context.classes, polygon.label);
  const [, model, human, accepted] = polygon.tallies;
  const rings = [polygon.outer, ...polygon.holes];
  return {
    type: 'Feature',
    id: stableId(`${slide.sha256} ${polygon.label} ${polygon.outer[0]} ${polygon.outer[1]}`),
    geometry: { type: 'Polygon', coordinates: rings.map((ring) => closedRing(ring, slide.maskDownsample)) },
    properties: {
      objectType: 'annotation',
      classification: { name: oneLine(name), color: rgbOf(color) },
      measurements: { 'Mask pixels model': model, 'Mask pixels human': human, 'Mask pixels accepted': accepted },
      metadata: { origin: objectOriginName(polygon) },
    },
  };
}

function closedRing(ring: Ring, scale: number): [number, number][] {
  const points: [number, number][] = [];
  for (let i = 0; i < ring.length; i += 2) points.push([ring[i]! * scale, ring[i + 1]! * scale]);
  points.push(points[0]!);
  return points;
}

/** A UUID of version 8 (RFC 9562, 5.8) from a text, so that the same object has the same id in every export. */
function stableId(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** QuPath refuses class names of several lines. */
function oneLine(name: string): string {
  return name.replace(/\s+/g, ' ').trim();
}

function rgbOf(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16) || 0;
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
