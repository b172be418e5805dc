/** The Mantine theme made from the window's own colours. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';
import { fills, inks, surfaces } from '../colors.ts';

const dark: MantineColorsTuple = [
  inks.text,
  inks.soft,
  inks.dimmed,
  inks.faint,
  surfaces.line,
  surfaces.hover,
  surfaces.raised,
  surfaces.panel,
  surfaces.page,
  '#090b0e',
];

const accent: MantineColorsTuple = [
  '#eaf4ff',
  '#cfe6ff',
  '#aed5ff',
  inks.accent,
  '#6fb3f5',
  '#4f9be6',
  '#3b86d4',
  '#2f72b8',
  fills.accent,
  fills.accentHover,
];

const red: MantineColorsTuple = [
  '#fff0f0',
  '#ffdada',
  '#ffc2c2',
  inks.bad,
  '#f58585',
  '#e66a6a',
  '#cc4f4f',
  '#b54141',
  fills.bad,
  '#8c2f2f',
];

export const theme = createTheme({
  colors: { dark, accent, red },
  primaryColor: 'accent',
  primaryShade: 8,
  white: '#ffffff',
  black: '#0d1015',
  fontFamily: 'system-ui, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  headings: { fontWeight: '600', sizes: { h2: { fontSize: '14px' }, h3: { fontSize: '13px' } } },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    Tooltip: {
      defaultProps: {
        openDelay: 350,
        withArrow: true,
        fz: 'xs',
        multiline: true,
        maw: 280,
        events: { hover: true, focus: true, touch: false },
      },
    },
    TextInput: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', allowDeselect: false, comboboxProps: { transitionProps: { duration: 0 } } } },
    Switch: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs', transitionDuration: 0 } },
    Slider: { defaultProps: { size: 'sm' } },
  },
});
