/** Every key and mouse gesture on one sheet, printed from the table of commands. */
import { Kbd, Modal, SimpleGrid, Title } from '@mantine/core';
import { COMMANDS, type CommandGroup } from '../commands.ts';
import { texts } from '../texts.ts';
import { useSession, useViewState } from './session-context.ts';

const t = texts.commands;
const GROUPS: readonly CommandGroup[] = ['tools', 'mask', 'edit', 'view'];

/** The nine digits are one line. */
const isExtraDigit = (id: string) => /^class\.[2-9]$/.test(id);

function linesOf(group: CommandGroup): (readonly [string, readonly string[]])[] {
  return COMMANDS.filter((command) => command.group === group && !isExtraDigit(command.id)).map((command) => [
    command.text,
    command.id === 'class.1' ? ['1', '…', '9'] : command.keys,
  ]);
}

export function CheatSheet() {
  const { view } = useSession();
  const opened = useViewState((state) => state.cheatSheetOpen);
  const close = () => view.setState({ cheatSheetOpen: false });
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={t.title}
      size="xl"
      centered
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t.close }}
    >
      <SimpleGrid cols={2} spacing={28} verticalSpacing={18}>
        {GROUPS.map((group) => (
          <Sheet key={group} title={t.groups[group]} lines={linesOf(group)} />
        ))}
        <Sheet title={t.groups.mouse} lines={t.mouse.map(([gesture, text]) => [text, [gesture]])} />
      </SimpleGrid>
    </Modal>
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
          <div key={text}>
            <dt>{text}</dt>
            <dd>{keys.map((key) => (key === '…' ? '…' : <Kbd key={key}>{key}</Kbd>))}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
