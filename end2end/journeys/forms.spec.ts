// Forms that are sent late, twice, or by somebody who is no longer signed in.

import { type Locator, type Page } from '@playwright/test';
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

interface Form {
  /** Fills it in; returns its button. */
  fill: (page: Page) => Promise<Locator>;
  /** Expects it to be done, and not twice. */
  once: (page: Page) => Promise<void>;
}

const forms: Record<string, Form> = {
  'a phone': {
    fill: async (page) => {
      await page.goto('/contacts/new');
      await page.getByLabel('Name').fill('Mobile');
      await page.getByLabel('Phone number').fill(NUMBER);
      await page.locator('input[name=method][value=text]').check();
      return page.getByRole('button', { name: 'Add this phone' });
    },
    once: async (page) => {
      await expect(page.getByRole('heading', { level: 1, name: 'Mobile' })).toBeVisible();
      await page.goto('/contacts');
      await expect(page.getByRole('link', { name: 'Mobile' })).toHaveCount(1);
    },
  },
  'a rule': {
    fill: async (page) => {
      await verifiedPhone(page, 'text');
      await page.goto('/rules/new');
      await page.getByLabel('Name').fill('Rare ones');
      return page.getByRole('button', { name: 'Save this rule' });
    },
    once: async (page) => {
      await expect(page.getByRole('status').first()).toContainText('Rule saved');
      await expect(page.getByRole('link', { name: 'Rare ones', exact: true })).toHaveCount(1);
    },
  },
  'quiet hours': {
    fill: async (page) => {
      await page.goto('/quiet');
      await page.getByRole('button', { name: 'Add a window' }).click();
      return page.getByRole('button', { name: 'Save the quiet hours' });
    },
    once: async (page) => {
      await expect(page.getByRole('status').first()).toContainText('Quiet hours saved');
      await expect(page.getByRole('group', { name: /^Window/ })).toHaveCount(1);
    },
  },
  'a test of a phone': {
    fill: async (page) => {
      await verifiedPhone(page, 'text');
      return page.getByRole('button', { name: 'Send a test' });
    },
    once: async (page) => {
      await expect(page.getByRole('status').first()).toContainText('A test is on its way');
      const own = await (await page.request.get('/account/export.json')).json();
      expect(own.calls_and_texts.filter((one: { kind: string }) => one.kind === 'test')).toHaveLength(1);
    },
  },
};

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'a double click' : 'a double click without JavaScript', () => {
    test.use({ javaScriptEnabled });
    for (const [what, form] of Object.entries(forms)) {
      test(`submits ${what} once`, async ({ page, watch }) => {
        watch.expect(/^failed: GET \S+\.js csp$/);
        await signIn(page);
        await (await form.fill(page)).dblclick();
        await expect(page.getByRole('alert')).toHaveCount(0);
        await form.once(page);
      });
    }
  });
}
