/** What is known of a network before it comes in: how much of it can learn, which sizes it takes, what import changes. */
import { Stack, Text, Title } from '@mantine/core';
import type { ModelExamination } from '../../core/contract.ts';
import { asSentence } from '../api.ts';
import { formatCount } from '../format.ts';
import { texts } from '../texts.ts';
import { Note } from './Note.tsx';

const t = texts.importModel;

export function ImportFacts({ found }: { readonly found: ModelExamination }) {
  const { trainingProblem, learnable, parameters, groups, changes, warnings, fixedSizePx, sizeMultiple } = found;
  return (
    <Stack gap={8} component="section" aria-label={t.facts}>
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {asSentence(warning)}
        </Note>
      ))}
      {trainingProblem === null ? (
        <Note tone="good">{t.learns(formatCount(learnable), formatCount(parameters))}</Note>
      ) : (
        <Note tone="warn">{t.cannotLearn(trainingProblem)}</Note>
      )}
      <details>
        <summary>{t.details}</summary>
        <dl className="facts">
          <Fact name={t.input} value={found.input} />
          <Fact name={t.size} value={fixedSizePx === null ? t.multiples(sizeMultiple) : t.fixed(fixedSizePx)} />
          <Fact name={t.made} value={t.madeBy(found.producer, found.opset)} />
          {groups.map(({ name, parameters: count }) => (
            <Fact key={name} name={name} value={t.numbers(formatCount(count))} />
          ))}
        </dl>
      </details>
      {changes.length > 0 && (
        <div>
          <Title order={3}>{t.changes}</Title>
          <ul className="import-changes">
            {changes.map((change) => (
              <Text key={change} component="li" fz="xs">
                {asSentence(change)}
              </Text>
            ))}
          </ul>
        </div>
      )}
    </Stack>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
