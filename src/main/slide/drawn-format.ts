import type { SlideFormat } from './slide-format.ts';

export const drawnFormat: SlideFormat = {
  name: 'drawn slide',
  detect: async () => false,
  open: async () => {
    throw new Error('bug: not yet');
  },
};
