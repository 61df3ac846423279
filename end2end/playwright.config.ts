// One browser, the one that Debian ships, and nothing that reaches beyond this machine.
// Each test brings its own server up (harness/test.ts), so tests may run side by side and in any order.

import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  // Generous: a shared machine is slow, and a failure is found by what is expected, not by the clock.
  timeout: 120_000,
  expect: { timeout: 15_000 },
  outputDir: 'test-results',
  reporter: [
    ['list'],
    ['./harness/report.ts'],
    ...(process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['json'] as ['json']] : []),
  ],
  use: {
    browserName: 'chromium',
    headless: true,
    locale: 'en-GB',
    timezoneId: 'Europe/Rome',
    trace: 'retain-on-failure',
    // What cannot be done by then is told where it is, and not as a test that took too long.
    actionTimeout: 30_000,
    navigationTimeout: 30_000,
    launchOptions: {
      executablePath: process.env.RINGDOWN_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-quic',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
  projects: [
    { name: 'journeys', testMatch: 'journeys/*.spec.ts' },
    // What these find is told in full, and recording a trace takes longer than they do.
    { name: 'pages', testMatch: 'matrix/*.spec.ts', use: { trace: 'off' } },
    { name: 'scores', testMatch: 'scores/*.spec.ts', use: { trace: 'off' } },
    { name: 'screenshots', testMatch: 'pictures/*.spec.ts', use: { trace: 'off' } },
  ],
});
