import { SCHEMES } from '../harness/axe.ts';
import { test } from '../harness/test.ts';
import { OUTSIDE, admin, inside, type PageToSee } from '../pages.ts';

test('pictures of every page', async ({ page, ringdown, watch }) => {
  test.setTimeout(600_000);
  watch.expect(/nothing-here/);
  const take = async (pages: PageToSee[]): Promise<void> => {
    for (const { name, path } of pages) {
      await page.goto(path);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const width of [320, 1440]) {
          await page.setViewportSize({ width, height: 900 });
          await page.screenshot({ path: `screenshots/${name}-${colorScheme}-${width}.png`, fullPage: true });
        }
      }
    }
  };
  await take(OUTSIDE);
  await take(await inside(page, ringdown));
  await take(await admin(page, ringdown));
});
