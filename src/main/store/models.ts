/** Model versions: immutable but for their state. The files themselves lie in the project's `models` folder. */
import { HistoloopError } from '../../core/errors.ts';
import type { ProjectContext } from './context.ts';
import { requireModel } from './layers.ts';
import type { ModelRow, StoreMethods } from './store-methods.ts';

export function modelMethods({ sql }: ProjectContext): Pick<StoreMethods, 'models' | 'addModel' | 'setModelState'> {
  return {
    /** Oldest first. */
    models: () =>
      sql.all<ModelRow>(
        `SELECT model_id AS modelId, name, parent_id AS parentId, created_at AS createdAt, state, sha256, path, card, training
         FROM model ORDER BY rowid`,
      ),
    /** Errors: `conflict` where the id is taken. */
    addModel({ modelId, name, parentId, createdAt, state, sha256, path, card, training }) {
      if (sql.get('SELECT 1 FROM model WHERE model_id = ?', modelId) !== undefined) {
        throw new HistoloopError('conflict', `model ${modelId} is already in this project`);
      }
      const insert = 'INSERT INTO model VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)';
      sql.run(insert, modelId, name, parentId, createdAt, state, sha256, path, card, training);
    },
    setModelState(modelId, state) {
      requireModel(sql, modelId);
      sql.run('UPDATE model SET state = ? WHERE model_id = ?', state, modelId);
    },
  };
}
