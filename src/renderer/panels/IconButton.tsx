/** A button with a picture, a name for those who do not see it, and a tip with its key. */
import { ActionIcon, type ActionIconProps, Group, Kbd, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props extends ActionIconProps {
  readonly name: string;
  readonly hint?: string | undefined;
  readonly shortcut?: string | undefined;
  /** Set for buttons that stay pressed. */
  readonly pressed?: boolean | undefined;
  readonly tipSide?: 'right' | 'left' | 'top' | 'bottom';
  readonly onClick: () => void;
  readonly children: ReactNode;
}

export function IconButton({ name, hint, shortcut, pressed, tipSide = 'top', onClick, children, ...rest }: Props) {
  const tip = (
    <>
      <Group gap={6} wrap="nowrap">
        {name}
        {shortcut && <Kbd size="xs">{shortcut}</Kbd>}
      </Group>
      {hint}
    </>
  );
  return (
    <Tooltip label={tip} position={tipSide}>
      <ActionIcon
        aria-label={name}
        onClick={onClick}
        {...(pressed === undefined ? {} : { 'aria-pressed': pressed, variant: pressed ? 'filled' : 'subtle' })}
        {...(pressed ? { color: 'accent' } : {})}
        {...rest}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
