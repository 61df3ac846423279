import { SCHEMES } from '../harness/axe.ts';
import { test } from '../harness/test.ts';
import { PAGES } from '../pages.ts';

for (const { name, path } of PAGES) {
  test(name, async ({ page }) => {
    await page.goto(path);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [320, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: `screenshots/${name}-${colorScheme}-${width}.png`, fullPage: true });
      }
    }
  });
}
