import react from '@vitejs/plugin-react';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

const chromium = process.env.HISTOLOOP_CHROMIUM ?? '/usr/bin/chromium';

/** Bundled before the first test: one found late makes vite reload the page under a running test, with a second React. */
const windowPackages = [
  '@mantine/core',
  '@mantine/notifications',
  '@orpc/client',
  '@orpc/client/fetch',
  '@tabler/icons-react',
  '@tanstack/react-query',
  'axe-core',
  'openseadragon',
  'react',
  'react-dom/client',
  'react/jsx-dev-runtime',
  'react/jsx-runtime',
  'zustand',
  'zustand/vanilla',
];

/** Four bands: pure (core), machine (main), window parts in real Chromium (renderer), the whole workstation (e2e). */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'core', include: ['tests/*.test.ts', 'tests/core/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'main', include: ['tests/main/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 } },
      {
        plugins: [react()],
        optimizeDeps: { include: windowPackages },
        test: {
          name: 'renderer',
          include: ['tests/renderer/**/*.test.{ts,tsx}'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: 'chromium' }],
            provider: playwright({
              launchOptions: { executablePath: chromium, args: ['--no-sandbox'] },
              contextOptions: { reducedMotion: 'reduce' },
            }),
          },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
