import { WIDTHS, expectAccessible } from '../harness/axe.ts';
import { test } from '../harness/test.ts';
import { OUTSIDE, admin, inside } from '../pages.ts';

for (const width of WIDTHS) {
  test(`no page has an accessibility finding at ${width} px`, async ({ page, ringdown, watch }) => {
    test.setTimeout(600_000);
    watch.expect(/nothing-here/);
    for (const { path } of OUTSIDE) {
      await page.goto(path);
      await expectAccessible(page, [width]);
    }
    for (const visit of [inside, admin]) {
      for (const { path } of await visit(page, ringdown)) {
        await page.goto(path);
        await expectAccessible(page, [width]);
      }
    }
  });
}
