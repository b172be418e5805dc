/** The project's own row and its label classes. */
import { HistoloopError } from '../../core/errors.ts';
import { BACKGROUND, type LabelClass, MAX_CLASS_ID } from '../../core/label.ts';
import type { ProjectContext } from './context.ts';
import { requireModel } from './layers.ts';
import type { Sql } from './sql.ts';
import type { ProjectRow, StoreMethods } from './store-methods.ts';

export function projectMethods({ sql }: ProjectContext): Pick<StoreMethods, 'project' | 'updateProject' | 'saveClass'> {
  return {
    project: () => projectRow(sql),
    updateProject(change) {
      const old = projectRow(sql);
      const { name = old.name, user = old.user, liveModelId = old.liveModelId } = change;
      for (const [word, value] of Object.entries({ name, user })) {
        if (value.trim() === '') throw new HistoloopError('bad-input', `the ${word} is empty; give one`);
      }
      if (liveModelId !== null) requireModel(sql, liveModelId);
      sql.run('UPDATE project SET name = ?, user = ?, live_model_id = ?', name, user, liveModelId);
      return projectRow(sql);
    },
    saveClass({ id, name, color }) {
      const label: LabelClass = { id: id ?? freeClassId(sql), name: name.trim(), color };
      requireSoundClass(sql, label);
      const upsert = `INSERT INTO label_class (id, name, color) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, color = excluded.color`;
      sql.run(upsert, label.id, label.name, label.color);
      return projectRow(sql);
    },
  };
}

function projectRow(sql: Sql): ProjectRow {
  const select = `SELECT project_id AS projectId, name, user, created_at AS createdAt, live_model_id AS liveModelId FROM project`;
  const classes = sql.all<LabelClass>('SELECT id, name, color FROM label_class ORDER BY id');
  return { ...sql.get<Omit<ProjectRow, 'classes'>>(select)!, classes };
}

function freeClassId(sql: Sql): number {
  const taken = new Set(sql.all<LabelClass>('SELECT id FROM label_class').map((label) => label.id));
  for (let id = BACKGROUND + 1; id <= MAX_CLASS_ID; id++) if (!taken.has(id)) return id;
  throw new HistoloopError('bad-input', `the project has all ${MAX_CLASS_ID} classes it can have; rename one instead`);
}

function requireSoundClass(sql: Sql, { id, name, color }: LabelClass): void {
  if (!(Number.isInteger(id) && id >= BACKGROUND && id <= MAX_CLASS_ID)) {
    throw new HistoloopError(
      'bad-input',
      `class id ${id} is not possible; it must be a whole number from 1 to ${MAX_CLASS_ID}`,
    );
  }
  if (name === '') throw new HistoloopError('bad-input', 'the class has no name; give one');
  if (!/^#[0-9a-f]{6}$/i.test(color)) {
    throw new HistoloopError('bad-input', `the colour ${color} is not of the form #rrggbb`);
  }
  const twin = sql.get<LabelClass>('SELECT id FROM label_class WHERE name = ? COLLATE NOCASE AND id <> ?', name, id);
  if (twin !== undefined)
    throw new HistoloopError('bad-input', `the name ${name} is taken by class ${twin.id}; choose another`);
}
