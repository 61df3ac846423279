// A picture of every page, light and dark, as a phone and as a wide screen show it.

import { SCHEMES } from '../harness/axe.ts';
import { settled } from '../harness/visit.ts';
import { test } from '../harness/world.ts';
import { PAGES } from '../pages.ts';

const SCREENS = [
  { width: 390, height: 844 },
  { width: 1440, height: 900 },
];

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
      }
    }
  });
}
