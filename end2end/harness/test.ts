// What a journey imports instead of Playwright's own `test`.
//
// `ringdown` is a server for this test alone, and `page` opens paths on it. `watch` is always on: the test fails
// on any console error, page error or failed request that it did not declare with `watch.expect`.

import { expect, test as playwright } from '@playwright/test';
import { Ringdown } from './ringdown.ts';
import { Watch } from './watch.ts';

interface Harness {
  /** Added to the environment of this test's server: `test.use({ environment: { ... } })`. */
  environment: Record<string, string>;
  ringdown: Ringdown;
  watch: Watch;
}

export const test = playwright.extend<Harness>({
  environment: [{}, { option: true }],

  ringdown: async ({ environment }, use, info) => {
    const ringdown = await Ringdown.start(environment);
    await use(ringdown);
    await ringdown.remove();
    if (info.status !== info.expectedStatus || ringdown.lost) {
      await info.attach('ringdown.log', { body: ringdown.log, contentType: 'text/plain' });
    }
    expect(ringdown.lost).toBe('');
    expect(ringdown.log, 'the server panicked').not.toContain('panicked at');
  },

  baseURL: async ({ ringdown }, use) => use(ringdown.url),

  watch: [
    async ({ context, ringdown }, use) => {
      const watch = new Watch(context, ringdown.url);
      await use(watch);
      expect(watch.found(), 'what went wrong in the browser').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
