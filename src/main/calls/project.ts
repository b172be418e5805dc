/** Answers to `project.*`: name, person, classes. */
import type { ProjectInfo } from '../../core/contract.ts';
import type { Parts } from '../tasks/parts.ts';
import type { Handlers } from './handlers.ts';

export function projectHandlers(parts: Parts): Handlers['project'] {
  const get = async (): Promise<ProjectInfo> => {
    const row = await parts.store.project();
    return {
      name: row.name,
      path: parts.store.folder,
      user: row.user,
      readOnly: parts.store.readOnly,
      classes: row.classes,
      slides: await parts.shelf.summaries(),
      liveModelId: row.liveModelId ?? '',
    };
  };
  const changed = async () => {
    parts.events.emit({ kind: 'project.changed' });
    return get();
  };
  return {
    get,
    async update({ name, user }) {
      await parts.store.updateProject({ ...(name ? { name } : {}), ...(user ? { user } : {}) });
      return changed();
    },
    async saveClass(input) {
      await parts.store.saveClass(input);
      return changed();
    },
  };
}
