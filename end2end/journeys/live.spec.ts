// What happens while a page is open, under conditions that browsers do meet.

import { addPhone, codeOnScreen, signIn } from '../harness/steps.ts';
import { test } from '../harness/test.ts';

test('a phone rings on the screen of a browser that is never idle', async ({ page }) => {
  await page.addInitScript(() => {
    window.requestIdleCallback = () => 0;
  });
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.goto(`/phone?contact=${contact}`);
  const asking = await page.context().newPage();
  await asking.goto(`/contacts/${contact}`);
  await asking.getByRole('button', { name: 'Text me a code' }).click();
  await codeOnScreen(page);
});
