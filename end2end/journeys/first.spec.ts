// From the first visit to a rule that rings, as a newcomer goes: by what stands on the page, never by an address.

import { Count } from '../harness/count.ts';
import { report } from '../harness/report.ts';
import { NUMBER, codeOnScreen } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

// Of a minute in all; the rest is for the machine, which is reported and not asserted.
const MOST_SECONDS = 45;
const MOST_PAGES = 3;

test('from the first visit to a live rule', async ({ page, context }) => {
  const count = await Count.in(page);
  await page.goto('/');
  await page.locator('main').getByRole('link', { name: /pick a person|sign in/i }).click();
  await page.getByRole('button', { name: 'Ada' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('nothing will ring');
  const signedIn = count.pages.length;

  await page.getByRole('link', { name: 'Add your phone' }).click();
  await page.getByLabel('Name').pressSequentially('Mobile');
  await page.getByLabel('Phone number').pressSequentially(NUMBER.replaceAll(' ', ''));
  await page.getByText('Call and text', { exact: true }).click();
  await page.getByRole('button', { name: 'Add this phone' }).click();

  // The phone in the other hand.
  const contact = new URL(page.url()).pathname.split('/')[2];
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  await page.bringToFront();
  await page.getByRole('button', { name: 'Text me a code' }).click();
  const code = await codeOnScreen(phone);
  await page.getByLabel('The six digits').pressSequentially(code);
  await page.getByRole('button', { name: 'Verify' }).click();
  await expect(page.getByRole('status').first()).toContainText('Verified');

  await page.getByRole('link', { name: 'Make a rule' }).click();
  await page.getByLabel('Name').pressSequentially('Rare');
  await page.getByLabel('False alarm rate below').pressSequentially('1 per year');
  await page.getByRole('button', { name: 'Save this rule' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Rules' })).toBeVisible();
  await expect(page.locator('main')).toContainText('One rule is on.');

  const { presses, keys, machine, person } = count.done();
  // The last page only shows what was made.
  const between = count.pages.slice(signedIn, -1);
  report('path', `first visit to live rule: ${presses} presses, ${keys} keys, ${machine.toFixed(1)} s by machine`);
  report('path', `first visit to live rule: about ${(machine + person).toFixed(0)} s with a person (keystroke-level model)`);
  report('path', `first visit to live rule: ${between.length} pages to fill in: ${between.join(', ')}`);
  expect(person).toBeLessThanOrEqual(MOST_SECONDS);
  expect(between.length).toBeLessThanOrEqual(MOST_PAGES);
});
