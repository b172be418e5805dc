/**
 * Objects in the COCO format: one file for all slides, a slide being one image at full resolution. A COCO polygon has no
 * holes, so objects with holes are written as run lengths. `iscrowd` stays 0 for both: 1 would tell evaluators to
 * ignore the object. Source: the format page of cocodataset.org and the masks of its reference tools.
 */

import { BACKGROUND } from '../../core/label.ts';
import type { ContourPolygon } from '../../core/mask/contour.ts';
import { signedArea } from '../../core/mask/contour-ring.ts';
import { cocoRle, type RleFrame } from './coco-rle.ts';
import type { ExportFile } from './export-file.ts';
import { COORDINATES, type FormatContext, type FormatWriter } from './export-format.ts';
import { objectOriginName } from './export-slide.ts';

const NOTE =
  'Objects without holes are polygons; objects with holes are uncompressed run lengths with iscrowd 0, because COCO ' +
  `polygons carry no holes. Coordinates: ${COORDINATES}.`;

export function cocoFormat(context: FormatContext): FormatWriter {
  let file: ExportFile | null = null;
  let annotations = 0;
  async function opened(): Promise<ExportFile> {
    if (file !== null) return file;
    file = await context.files.create('coco/annotations.json');
    await file.write(headOf(context));
    return file;
  }
  return {
    async slide({ slide }) {
      const target = await opened();
      const imageId = context.slides.findIndex((named) => named.slide === slide) + 1;
      const frame = { ...slide.info, maskDownsample: slide.maskDownsample };
      return {
        async object(polygon) {
          const separator = annotations === 0 ? '\n' : ',\n';
          const annotation = { id: ++annotations, image_id: imageId, ...annotationOf(polygon, frame) };
          await target.write(separator + JSON.stringify(annotation));
        },
        async finish() {},
      };
    },
    async finish() {
      const target = await opened();
      await target.write('\n]}\n');
      await target.finish();
    },
  };
}

function headOf({ slides, classes, toolVersion }: FormatContext): string {
  const info = { description: NOTE, version: toolVersion, contributor: 'Histoloop' };
  const images = slides.map(({ slide, fileName }, index) => {
    const { widthPx, heightPx } = slide.info;
    return { id: index + 1, file_name: fileName, width: widthPx, height: heightPx, sha256: slide.sha256 };
  });
  const categories = classes
    .filter(({ id }) => id !== BACKGROUND)
    .map(({ id, name }) => ({ id, name, supercategory: '' }));
  const [i, m, c] = [info, images, categories].map((part) => JSON.stringify(part));
  return `{"info":${i},"licenses":[],"images":${m},"categories":${c},"annotations":[`;
}

function annotationOf(polygon: ContourPolygon, frame: RleFrame) {
  const { widthPx, heightPx, maskDownsample } = frame;
  const rings = [polygon.outer, ...polygon.holes].map((ring) =>
    ring.map((value, i) => Math.min(value * maskDownsample, i % 2 === 0 ? widthPx : heightPx)),
  );
  const x = polygon.bounds.x * maskDownsample;
  const y = polygon.bounds.y * maskDownsample;
  const right = Math.min(widthPx, (polygon.bounds.x + polygon.bounds.width) * maskDownsample);
  const bottom = Math.min(heightPx, (polygon.bounds.y + polygon.bounds.height) * maskDownsample);
  const segmentation = rings.length === 1 ? rings : { size: [heightPx, widthPx], counts: cocoRle(polygon, frame) };
  return {
    category_id: polygon.label,
    segmentation,
    area: rings.reduce((sum, ring) => sum + signedArea(ring), 0),
    bbox: [x, y, right - x, bottom - y],
    iscrowd: 0,
    origin: objectOriginName(polygon),
  };
}
