// A picture of every page, light and dark, as a phone and as a wide screen show it. With RINGDOWN_README_PICTURES
// those of the README are made anew too.

import { writeFile } from 'node:fs/promises';
import { SCHEMES } from '../harness/axe.ts';
import { settled } from '../harness/visit.ts';
import { webp } from '../harness/webp.ts';
import { test } from '../harness/world.ts';
import { PAGES } from '../pages.ts';

const SCREENS = [
  { width: 390, height: 844 },
  { width: 1440, height: 900 },
];

/** What the README shows, and how much of it: a picture is for a glance. */
const README: Record<string, (typeof SCHEMES)[number]> = {
  'phone-ringing': 'dark',
  quiet: 'light',
  thread: 'light',
};

for (const one of PAGES) {
  test(`pictures of ${one.name}`, async ({ world, tabFor }) => {
    const page = await tabFor(one);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(await one.path(world));
    await settled(page);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const screen of SCREENS) {
        await page.setViewportSize(screen);
        const path = `screenshots/${one.name}-${colorScheme}-${screen.width}.png`;
        await page.screenshot({ path, fullPage: true });
        if (process.env.RINGDOWN_README_PICTURES && screen.width > 1000 && README[one.name] === colorScheme) {
          const small = await webp(page.context(), await page.screenshot());
          await writeFile(`../docs/pictures/${one.name}.webp`, small);
        }
      }
    }
  });
}
