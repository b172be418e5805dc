/** Name and colour of a class, new or known. */
import { Button, ColorInput, Group, Paper, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { LabelClass } from '../../core/label.ts';
import { CLASS_PRESETS } from '../colors.ts';
import { keys, useChange, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { useSession } from './session-context.ts';

const t = texts.classes;
const HEX = /^#[0-9a-fA-F]{6}$/;

export function ClassEditor({
  labelClass,
  onClose,
}: {
  readonly labelClass: LabelClass | null;
  readonly onClose: () => void;
}) {
  const session = useSession();
  const { data: project } = useProject(session);
  const used = new Set(project?.classes.map(({ color }) => color.toLowerCase()));
  const [name, setName] = useState(labelClass?.name ?? '');
  const [color, setColor] = useState<string>(
    labelClass?.color ?? CLASS_PRESETS.find((preset) => !used.has(preset)) ?? CLASS_PRESETS[0],
  );
  const save = useChange(
    session,
    (input: { id: number | null; name: string; color: string }) => session.workstation.client.project.saveClass(input),
    [keys.project],
  );
  const valid = name.trim() !== '' && HEX.test(color);
  const submit = () => {
    if (valid) save.mutate({ id: labelClass?.id ?? null, name: name.trim(), color }, { onSuccess: onClose });
  };
  return (
    <Paper p="sm" className="card">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap={8}>
          <TextInput
            label={t.name}
            value={name}
            maxLength={200}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <ColorInput
            label={t.color}
            description={t.presets}
            size="xs"
            value={color}
            onChange={setColor}
            format="hex"
            eyeDropperButtonProps={{ 'aria-label': t.pick }}
            swatches={[...CLASS_PRESETS]}
            swatchesPerRow={9}
            popoverProps={{ transitionProps: { duration: 0 } }}
          />
          <Group gap={8} justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t.cancel}
            </Button>
            <Button type="submit" disabled={!valid} loading={save.isPending}>
              {t.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
