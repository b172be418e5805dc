/** A network that may come in: what it makes of a piece of the slide beside what can be chosen, before anything is stored. */
import { Button, CloseButton, Group, Modal, ScrollArea, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { ModelChoices, ModelExamination } from '../../core/contract.ts';
import { keys, useChange, useExamined } from '../queries.ts';
import { texts } from '../texts.ts';
import { ImportChoices } from './ImportChoices.tsx';
import { ImportFacts } from './ImportFacts.tsx';
import { ImportTrial } from './ImportTrial.tsx';
import { useSession } from './session-context.ts';

const t = texts.importModel;

interface Props {
  readonly first: ModelExamination;
  /** True: it was imported. */
  readonly onClose: (imported: boolean) => void;
}

export function ImportDialog({ first, onClose }: Props) {
  const session = useSession();
  const [choices, setChoices] = useState(first.suggested);
  const examined = useExamined(session, first, choices);
  const found = examined.data ?? first;
  const wired = withClasses(choices, found);
  const save = useChange(session, () => session.workstation.client.model.import({ path: first.path, choices: wired }), [
    keys.models,
    keys.project,
  ]);
  const change = (part: Partial<ModelChoices>) => setChoices({ ...wired, ...part });
  return (
    <Modal.Root opened onClose={() => onClose(false)} size={1080} centered transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body p={0}>
          <Group justify="space-between" p="md" pb={8}>
            <Modal.Title fw={600}>{t.dialog(fileName(first.path))}</Modal.Title>
            <CloseButton aria-label={t.cancel} onClick={() => onClose(false)} />
          </Group>
          <ScrollArea.Autosize
            mah="calc(100vh - 200px)"
            type="auto"
            viewportProps={{ tabIndex: 0, 'aria-label': t.dialog(fileName(first.path)), role: 'group' }}
          >
            <div className="import-columns">
              <Stack gap={14}>
                <ImportTrial path={first.path} choices={wired} ready={!examined.isFetching && !examined.error} />
                <ImportFacts found={found} />
              </Stack>
              <ImportChoices found={found} choices={wired} problem={examined.error} onChange={change} />
            </div>
          </ScrollArea.Autosize>
          <Group justify="space-between" p="md" className="import-foot">
            <Text fz="xs" c="dimmed" role="status">
              {problemOf(wired) ?? t.nothingStored}
            </Text>
            <Group gap={8}>
              <Button variant="default" onClick={() => onClose(false)}>
                {t.cancel}
              </Button>
              <Button
                loading={save.isPending}
                disabled={problemOf(wired) !== null || examined.error !== null || examined.isFetching}
                onClick={() => save.mutate(undefined, { onSuccess: () => onClose(true) })}
              >
                {t.import}
              </Button>
            </Group>
          </Group>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}

/** Another output or activation may tell another number of classes apart: then the names start anew. */
function withClasses(choices: ModelChoices, found: ModelExamination): ModelChoices {
  const { classes } = found.suggested;
  return choices.classes.length === classes.length ? choices : { ...choices, classes };
}

function problemOf({ name, classes }: ModelChoices): string | null {
  if (name.trim() === '') return t.noName;
  const names = classes.map((one) => one.trim().toLowerCase());
  if (names.includes('')) return t.noClassName;
  return new Set(names).size === names.length ? null : t.sameClassName;
}
