import { expectAccessible } from '../harness/axe.ts';
import { test } from '../harness/test.ts';
import { PAGES } from '../pages.ts';

for (const { name, path } of PAGES) {
  test(`${name} has no accessibility finding`, async ({ page }) => {
    await page.goto(path);
    await expectAccessible(page);
  });
}
