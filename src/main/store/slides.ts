/** Slides of the project; each gets its one human layer when it is added. */
import { HistoloopError } from '../../core/errors.ts';
import { createMaskGrid } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import { requireSlide } from './layers.ts';
import type { SlideRow, StoreMethods } from './store-methods.ts';

const SELECT = `SELECT s.slide_id AS slideId, s.name, s.path, s.sha256, s.width_px AS widthPx, s.height_px AS heightPx,
    s.user_pixel_size_um AS userPixelSizeUm, s.mask_downsample AS maskDownsample, l.layer_id AS humanLayerId
  FROM slide s JOIN layer l ON l.slide_id = s.slide_id AND l.kind = 'human'`;

export function slideMethods({
  sql,
  now,
}: ProjectContext): Pick<StoreMethods, 'slides' | 'addSlide' | 'moveSlide' | 'setUserPixelSize'> {
  const slideRow = (slideId: string) => sql.get<SlideRow>(`${SELECT} WHERE s.slide_id = ?`, slideId);
  return {
    slides: () => sql.all<SlideRow>(`${SELECT} ORDER BY s.rowid`),
    /** Errors: `conflict` where the id is taken, `bad-input` for an impossible size. */
    addSlide(slide) {
      const { slideId, name, path, sha256, widthPx, heightPx, maskDownsample } = slide;
      createMaskGrid(widthPx, heightPx, maskDownsample);
      if (slideRow(slideId) !== undefined)
        throw new HistoloopError('conflict', `slide ${slideId} is already in this project`);
      sql.transaction(() => {
        const insert = `INSERT INTO slide (slide_id, name, path, sha256, width_px, height_px, mask_downsample) VALUES (?, ?, ?, ?, ?, ?, ?)`;
        sql.run(insert, slideId, name, path, sha256, widthPx, heightPx, maskDownsample);
        sql.run(`INSERT INTO layer (slide_id, kind, created_at) VALUES (?, 'human', ?)`, slideId, now());
      });
      return slideRow(slideId)!;
    },
    moveSlide(slideId, path) {
      requireSlide(sql, slideId);
      sql.run('UPDATE slide SET path = ? WHERE slide_id = ?', path, slideId);
      return slideRow(slideId)!;
    },
    setUserPixelSize(slideId, pixelSizeUm) {
      requireSlide(sql, slideId);
      if (!(pixelSizeUm > 0 && Number.isFinite(pixelSizeUm))) {
        throw new HistoloopError(
          'bad-input',
          `a pixel size of ${pixelSizeUm} µm is not possible; give a positive number`,
        );
      }
      sql.run('UPDATE slide SET user_pixel_size_um = ? WHERE slide_id = ?', pixelSizeUm, slideId);
      return slideRow(slideId)!;
    },
  };
}
