// The same person in two tabs, and on the way back.

import { type Locator, type Page } from '@playwright/test';
import { expectAccessible } from '../harness/axe.ts';
import { superevent } from '../harness/packets.ts';
import { NUMBER, addPhone, codeOnPhone, makeRule, signIn, verifiedPhone, verify } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

test('two tabs: what is done in one is seen in the other, and not done twice', async ({ page, context }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.getByRole('button', { name: 'Text me a code' }).click();
  const other = await context.newPage();
  const code = await codeOnPhone(other, contact);
  // Both have the form open; the second sends what is true already.
  await other.goto(`/contacts/${contact}`);
  await verify(page, contact, code);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();
  const stale = other.getByLabel('The six digits');
  if (await stale.isVisible()) {
    await stale.fill(code);
    await other.getByRole('button', { name: 'Verify' }).click();
    await expect(other.locator('main')).toContainText('verified already');
  }
  await expect(other.locator('main').getByText('verified', { exact: true })).toBeVisible();
});

test('two tabs: a rule deleted in one is gone in the other, and says so', async ({ page, context, watch }) => {
  watch.expect(/404/);
  await signIn(page);
  await verifiedPhone(page, 'text');
  await makeRule(page, '1 per year');
  await page.goto('/rules');
  const other = await context.newPage();
  await other.goto('/rules');
  await other.getByRole('link', { name: /^Edit/ }).click();
  await page.getByRole('button', { name: /^Delete / }).click();
  await expect(page.getByRole('button', { name: /^Undo/ })).toBeVisible();
  await other.getByRole('button', { name: 'Save the changes' }).click();
  await expect(other.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(other).toHaveTitle(/not (here|found)|no such|nothing/i);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'two tabs change one rule' : 'two tabs change one rule without JavaScript', () => {
    test.use({ javaScriptEnabled });
    test('the later one is told, loses nothing, and decides', async ({ page, context, watch }) => {
      watch.expect(/^failed: GET \S+\.js csp$/);
      await signIn(page);
      await verifiedPhone(page, 'text');
      await makeRule(page, '1 per year');
      const other = await context.newPage();
      const edit = async (tab: Page): Promise<void> => {
        await tab.goto('/rules');
        await tab.getByRole('link', { name: /^Edit/ }).click();
      };
      const far = (tab: Page): Locator => tab.getByLabel('False alarm rate below');
      const saved = page.getByRole('region', { name: /changed while you had it open/ });

      await edit(page);
      await edit(other);
      await far(other).fill('1 per 10 years');
      await other.getByRole('button', { name: 'Save the changes' }).click();
      await far(page).fill('1 per 7 years');
      await page.getByLabel('Name').fill('Mine');
      await page.getByRole('button', { name: 'Save the changes' }).click();
      await expect(page.getByRole('alert')).toContainText('changed meanwhile');
      await expect(saved).toContainText('1 per 10 years');
      await expect(far(page)).toHaveValue('1 per 7 years');
      await expect(page.getByLabel('Name')).toHaveValue('Mine');
      if (javaScriptEnabled) await expectAccessible(page, [320, 1440]);
      await other.goto('/rules');
      await expect(other.locator('main')).toContainText('1 per 10 years');

      await page.getByRole('button', { name: 'Save mine instead' }).click();
      await expect(page.locator('main')).toContainText('1 per 7 years');

      // The other way: what is saved is taken.
      await edit(page);
      await edit(other);
      await far(other).fill('1 per 3 years');
      await other.getByRole('button', { name: 'Save the changes' }).click();
      await far(page).fill('1 per 2 years');
      await page.getByRole('button', { name: 'Save the changes' }).click();
      await saved.getByRole('link', { name: 'take the saved one' }).click();
      await expect(far(page)).toHaveValue('1 per 3 years');
      await expect(saved).toHaveCount(0);
    });
  });
}

test('two tabs: both follow a phone that rings', async ({ page, context, ringdown }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'call');
  await makeRule(page, '1 per 10 years');
  await page.goto(`/phone?contact=${contact}`);
  const other = await context.newPage();
  await other.goto(`/phone?contact=${contact}`);
  await ringdown.post(superevent().made);
  await expect(other.getByRole('button', { name: 'Answer' })).toBeVisible();
  await page.getByRole('button', { name: 'Answer' }).click();
  await expect(other.locator('#device')).toContainText('This is Ringdown');
  await other.getByRole('button', { name: '1', exact: true }).click();
  await expect(page.locator('#device')).toContainText(/pressed 1/);
});

test('the back button shows what is true now, and adds nothing again', async ({ page }) => {
  await signIn(page);
  await addPhone(page, 'text');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1, name: 'Add a phone' })).toBeVisible();
  // The form once more, with the same number: it says that it is there already, or was sent already.
  await page.getByLabel('Name').fill('Mobile');
  await page.getByLabel('Phone number').fill(NUMBER);
  await page.locator('input[name=method][value=text]').check();
  await page.getByRole('button', { name: 'Add this phone' }).click();
  const known = page.getByRole('alert').filter({ hasText: /already/ });
  await expect(known.or(page.getByRole('heading', { level: 1, name: 'Mobile' }))).toBeVisible();
  await page.goto('/contacts');
  await expect(page.getByRole('link', { name: 'Mobile' })).toHaveCount(1);
});

test('the back button shows nothing of whoever signed out', async ({ page }) => {
  await signIn(page);
  await addPhone(page, 'text');
  await page.goto('/contacts');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('status')).toContainText('signed out');
  await page.goBack();
  await expect(page.getByText('Mobile')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0);
});
