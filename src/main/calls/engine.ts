/** Answers to `engine.*`: what computes, how quickly, and the choice of it. */
import type { EngineTruth } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { Jobs } from '../jobs.ts';
import { isProviderChoice, providerChoices, type Settings } from '../settings.ts';
import type { Parts } from '../tasks/parts.ts';
import type { Handlers } from './handlers.ts';

export function engineHandlers(parts: Parts, jobs: Jobs, settings: Settings): Handlers['engine'] {
  const { engine, library } = parts;
  return {
    truth: () => truthOf(parts, jobs),
    async measure() {
      refuseWhileBusy(jobs, 'measuring beside it would tell too little');
      return jobs.start('measure', 'Measure speed', null);
    },
    async choose({ provider }) {
      if (!isProviderChoice(provider)) {
        const message = `there is no provider ${provider}; choose one of ${providerChoices.join(', ')}`;
        throw new HistoloopError('bad-input', message);
      }
      refuseWhileBusy(jobs, 'it would have to begin anew');
      await library.close();
      await engine.use(provider);
      await settings.setProvider(provider);
      return truthOf(parts, jobs);
    },
  };
}

function refuseWhileBusy(jobs: Jobs, why: string): void {
  const busy = jobs.list().find(({ state, kind }) => (state === 'running' || state === 'queued') && kind !== 'export');
  if (!busy) return;
  throw new HistoloopError('conflict', `«${busy.title}» is under way and ${why}; wait for its end, or cancel it`);
}

async function truthOf({ engine }: Parts, jobs: Jobs): Promise<EngineTruth> {
  const status = await engine.status();
  const { device, driver, peakMemoryMb } = await engine.surroundings();
  const measurements = jobs.list().flatMap(({ result }) => (result?.kind === 'measure' ? [result.measurement] : []));
  const measured = measurements.findLast(({ provider }) => provider === status.provider) ?? null;
  return {
    ...status,
    wanted: engine.asked,
    device: device ?? measured?.device ?? null,
    driver,
    peakMemoryMb,
    measured,
  };
}
