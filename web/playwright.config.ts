import { defineConfig } from '@playwright/test';

/**
 * The stories in a real browser. Each starts a relay of its own (`e2e/harness/relay.ts`); nothing is
 * repeated when it fails, and nothing waits for time. The two projects go on beside each other, one
 * core each; inside a project one test follows the other.
 */
export default defineConfig({
  outputDir: './test-results/runs',
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  projects: [
    // The screens over a scripted core, under the relay's policy: looks, axe.
    { name: 'screens', testDir: './tests/visual', workers: 1 },
    // The app over a real relay.
    { name: 'stories', testDir: './e2e', workers: 1 },
  ],
  use: {
    trace: 'off',
    serviceWorkers: 'block',
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // A host that is no secure context, as when the relay is reached by its name over plain http.
        '--host-resolver-rules=MAP sotto.test 127.0.0.1',
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
      ],
    },
  },
});
