// Forms that are sent late, twice, or by somebody who is no longer signed in.

import { NUMBER, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

test('a session that ended while typing: sign in again, and nothing is lost', async ({ page, context }) => {
  await signIn(page);
  await verifiedPhone(page, 'text');
  await page.goto('/rules/new');
  await page.getByLabel('Name').fill('Typed for a long time');
  await page.getByLabel('False alarm rate below').fill('1 per 7 years');
  await page.locator('input[name="labels[]"][value=EM_READY]').check();
  await context.clearCookies();
  await page.getByRole('button', { name: 'Save this rule' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByRole('button', { name: 'Ada' }).click();
  await expect(page.getByRole('alert')).toContainText('not saved yet');
  await expect(page.getByLabel('Name')).toHaveValue('Typed for a long time');
  await expect(page.getByLabel('False alarm rate below')).toHaveValue('1 per 7 years');
  await expect(page.locator('input[name="labels[]"][value=EM_READY]')).toBeChecked();
  await page.getByRole('button', { name: 'Save this rule' }).click();
  await expect(page.locator('main')).toContainText('Typed for a long time');
});

test('a session that ended over a new phone: the number is still there', async ({ page, context }) => {
  await signIn(page);
  await page.goto('/contacts/new');
  await page.getByLabel('Name').fill('Mobile');
  await page.getByLabel('Phone number').fill(NUMBER);
  await page.locator('input[name=method][value=both]').check();
  await context.clearCookies();
  await page.getByRole('button', { name: 'Add this phone' }).click();
  await page.getByRole('button', { name: 'Ada' }).click();
  await expect(page.getByLabel('Phone number')).toHaveValue(NUMBER);
  expect(new URL(page.url()).search).toMatch(/^\?again=\d+$/);
  await page.getByRole('button', { name: 'Add this phone' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Mobile' })).toBeVisible();
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'a double click' : 'a double click without JavaScript', () => {
    test.use({ javaScriptEnabled });
    test('submits once', async ({ page, watch }) => {
      watch.expect(/^failed: GET \S+\.js csp$/);
      await signIn(page);
      await page.goto('/contacts/new');
      await page.getByLabel('Name').fill('Mobile');
      await page.getByLabel('Phone number').fill(NUMBER);
      await page.locator('input[name=method][value=text]').check();
      await page.getByRole('button', { name: 'Add this phone' }).dblclick();
      await expect(page.getByRole('heading', { level: 1, name: 'Mobile' })).toBeVisible();
      await expect(page.getByRole('alert')).toHaveCount(0);
      await page.goto('/contacts');
      await expect(page.getByRole('link', { name: 'Mobile' })).toHaveCount(1);
    });
  });
}
