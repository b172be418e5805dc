/** Every key and mouse gesture on one sheet, printed from the table of commands. */
import { CloseButton, Group, Kbd, Modal, SimpleGrid, Title } from '@mantine/core';
import { COMMANDS, type CommandGroup } from '../commands.ts';
import { texts } from '../texts.ts';
import { useSession, useViewState } from './session-context.ts';

const t = texts.commands;
const GROUPS: readonly CommandGroup[] = ['tools', 'mask', 'edit', 'view'];

/** Several commands of a kind are one line. */
const FAMILIES: readonly { readonly ids: RegExp; readonly text: string; readonly keys: readonly string[] }[] = [
  { ids: /^class\./, text: t.chooseClass, keys: ['1', '…', '9'] },
  { ids: /^view\.(left|right|up|down)$/, text: t.arrows, keys: ['←', '→', '↑', '↓'] },
];

function linesOf(group: CommandGroup): (readonly [string, readonly string[]])[] {
  const own = COMMANDS.filter((command) => command.group === group);
  const single = own.filter((command) => !FAMILIES.some(({ ids }) => ids.test(command.id)));
  const families = FAMILIES.filter(({ ids }) => own.some((command) => ids.test(command.id)));
  return [...single, ...families].map(({ text, keys }) => [text, keys]);
}

export function CheatSheet() {
  const { view } = useSession();
  const opened = useViewState((state) => state.cheatSheetOpen);
  const close = () => view.setState({ cheatSheetOpen: false });
  return (
    <Modal.Root opened={opened} onClose={close} size={1040} centered transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body pt="md">
          <Group justify="space-between" mb={12}>
            <Modal.Title fw={600}>{t.title}</Modal.Title>
            <CloseButton aria-label={t.close} onClick={close} data-autofocus />
          </Group>
          <SimpleGrid cols={3} spacing={32} verticalSpacing={18}>
            {GROUPS.map((group) => (
              <Sheet key={group} title={t.groups[group]} lines={linesOf(group)} />
            ))}
            <Sheet title={t.groups.mouse} lines={t.mouse.map(([gesture, text]) => [text, [gesture]] as const)} />
          </SimpleGrid>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

interface SheetProps {
  readonly title: string;
  readonly lines: readonly (readonly [string, readonly string[]])[];
}

function Sheet({ title, lines }: SheetProps) {
  return (
    <section>
      <Title order={3} mb={6}>
        {title}
      </Title>
      <dl className="keys">
        {lines.map(([text, keys]) => (
          <div key={`${text} ${keys.join(' ')}`}>
            <dt>{text}</dt>
            <dd>{keys.map((key) => (key === '…' ? '…' : <Kbd key={key}>{key}</Kbd>))}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
