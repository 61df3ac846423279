// What happens while a page is open, under conditions that browsers do meet.

import { superevent } from '../harness/packets.ts';
import { addPhone, codeOnScreen, makeRule, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

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

test('news that comes while a button is down does not take the press away', async ({ page, ringdown }) => {
  await signIn(page);
  await verifiedPhone(page, 'call');
  await makeRule(page, '1 per 10 years');
  const { made, retracted } = superevent('S190425z', 'EM_READY');
  await ringdown.post(made);
  const here = '/history/about/S190425z';
  const other = await page.context().newPage();
  await other.goto(here);
  await page.goto(here);
  await page.getByRole('button', { name: 'I know' }).hover();
  await page.mouse.down();
  const renewed = page.waitForResponse((answer) => answer.url().endsWith(here));
  await ringdown.post(retracted);
  await (await renewed).finished();
  // Drawn by the same news, so that the page had it too.
  await expect(other.getByText('Retracted at')).toBeVisible();
  const sent = page.waitForRequest((request) => request.url().includes('/do/history/acknowledge'));
  await page.mouse.up();
  await sent;
  // What was held is shown now.
  await expect(page.getByText('Retracted at')).toBeVisible();
});
