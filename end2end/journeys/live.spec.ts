// What happens while a page is open, under conditions that browsers do meet.

import { superevent } from '../harness/packets.ts';
import { addPhone, codeOnScreen, makeRule, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';
import { settled } from '../harness/visit.ts';

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
  await page.goto(here);
  await settled(page);
  await page.getByRole('button', { name: 'I know' }).hover();
  await page.mouse.down();
  const renewed = page.waitForResponse(
    async (answer) => answer.url().endsWith(here) && (await answer.text()).includes('Retracted at'),
  );
  await ringdown.post(retracted);
  await renewed;
  const sent = page.waitForRequest((request) => request.url().includes('/do/history/acknowledge'));
  await page.mouse.up();
  await sent;
  // What was held is shown now.
  await expect(page.getByText('Retracted at')).toBeVisible();
});

test('news does not take the focus away', async ({ page, ringdown }) => {
  await signIn(page);
  const { made, labelled } = superevent('S240102b', 'ADVOK');
  await ringdown.post(made);
  await page.goto('/history');
  await settled(page);
  const row = page.getByRole('row').filter({ hasText: 'S240102b' });
  await row.getByRole('link').focus();
  const shown = row.getByText('ADVOK');
  await expect(shown).toHaveCount(0);
  await ringdown.post(labelled);
  await expect(shown).toBeVisible();
  await expect(row.getByRole('link')).toBeFocused();
});
