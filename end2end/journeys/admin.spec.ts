import { expect, test } from '../harness/test.ts';
import { signIn } from '../harness/steps.ts';

test('an admin sees what could not be read', async ({ page, ringdown }) => {
  await ringdown.refused('{"uid": "S230101a", "to": "+14155550123"');
  await signIn(page, 'Max');
  await page.getByRole('navigation').getByRole('link', { name: 'Admin' }).click();
  await expect(page.getByText('One packet could not be read.')).toBeVisible();
  await page.getByText('How it begins').click();
  await expect(page.locator('.raw')).toContainText('"uid": "S230101a", "to": "+');
  await expect(page.locator('.raw')).not.toContainText('555');
});

test('an admin adds a label and hides it again', async ({ page }) => {
  await signIn(page, 'Max');
  await page.goto('/admin/names');
  await page.getByLabel('Name').fill('not a label');
  await page.getByRole('button', { name: 'Add this name' }).click();
  await expect(page.getByRole('alert')).toContainText('letters, digits and underscores');
  await expect(page.getByLabel('Name')).toHaveValue('not a label');
  await page.getByLabel('Name').fill('BRAND_NEW');
  await page.getByRole('button', { name: 'Add this name' }).click();
  await expect(page.getByRole('status')).toContainText('Saved');
  const tick = page.locator('input[name="labels[]"][value=BRAND_NEW]');
  await page.goto('/rules/new');
  await expect(tick).toHaveCount(1);
  await page.goto('/admin/names');
  await page.getByRole('button', { name: 'Hide BRAND_NEW' }).click();
  await expect(page.getByRole('status')).toContainText('Hidden');
  await page.goto('/rules/new');
  await expect(tick).toHaveCount(0);
  await page.goto('/admin/names');
  await page.getByRole('button', { name: 'Offer BRAND_NEW' }).click();
  await page.goto('/rules/new');
  await expect(tick).toHaveCount(1);
});

test('members are not admins', async ({ page, watch }) => {
  watch.expect(/admin/);
  await signIn(page);
  await expect(page.getByRole('link', { name: 'Admin' })).toHaveCount(0);
  for (const path of ['/admin', '/admin/names']) {
    const answer = await page.goto(path);
    expect(answer?.status()).toBe(403);
  }
});
