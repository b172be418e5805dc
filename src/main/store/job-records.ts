/** What long work was asked for and how far it is, so that it can be shown and resumed after a restart. */
import type { ProjectContext } from './context.ts';
import type { JobRow, StoreMethods } from './store-methods.ts';

export function jobMethods({ sql }: ProjectContext): Pick<StoreMethods, 'jobs' | 'saveJob'> {
  return {
    /** Oldest first. */
    jobs: () => sql.all<JobRow>('SELECT job_id AS jobId, kind, state, input FROM job ORDER BY rowid'),
    saveJob({ jobId, kind, state, input }) {
      const upsert = `INSERT INTO job (job_id, kind, state, input) VALUES (?, ?, ?, ?)
        ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, state = excluded.state, input = excluded.input`;
      sql.run(upsert, jobId, kind, state, input);
    },
  };
}
