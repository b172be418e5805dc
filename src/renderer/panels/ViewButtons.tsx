/** Zoom, turn and mirror, for those who use the mouse. */
import {
  IconAspectRatio,
  IconFlipVertical,
  IconFocusCentered,
  IconMap2,
  IconMaximize,
  IconRotateClockwise,
  IconZoomIn,
  IconZoomOut,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { commandById } from '../commands.ts';
import { texts } from '../texts.ts';
import { IconButton } from './IconButton.tsx';
import { useSession } from './session-context.ts';

const BUTTONS: readonly (readonly [string, string, ReactNode])[] = [
  ['view.zoomIn', texts.viewer.zoomIn, <IconZoomIn key="in" size={18} />],
  ['view.zoomOut', texts.viewer.zoomOut, <IconZoomOut key="out" size={18} />],
  ['view.fit', texts.viewer.fit, <IconMaximize key="fit" size={18} />],
  ['view.mask', texts.viewer.goToMask, <IconFocusCentered key="mask" size={18} />],
  ['view.fullSize', texts.viewer.fullSize, <IconAspectRatio key="full" size={18} />],
  ['view.rotate', texts.viewer.rotate, <IconRotateClockwise key="turn" size={18} />],
  ['view.flip', texts.viewer.flip, <IconFlipVertical key="flip" size={18} />],
  ['view.minimap', texts.viewer.minimap, <IconMap2 key="map" size={18} />],
];

export function ViewButtons() {
  const session = useSession();
  return (
    <div className="view-buttons">
      {BUTTONS.map(([id, name, icon]) => {
        const command = commandById(id);
        return (
          <IconButton
            key={id}
            size={32}
            name={name}
            shortcut={command.keys[0]}
            tipSide="left"
            onClick={() => command.run(session)}
          >
            {icon}
          </IconButton>
        );
      })}
    </div>
  );
}
