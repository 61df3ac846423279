// A rule one can trust: tried on what has been before it is saved, ordered, copied, deleted and brought back.

import { type Page } from '@playwright/test';
import { expectAccessible } from '../harness/axe.ts';
import { makeRule, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

async function ready(page: Page): Promise<void> {
  await signIn(page);
  await verifiedPhone(page, 'text');
}

const said = (page: Page) => page.locator('#past-said');

test('what a rule would have done follows each change, and nothing is saved', async ({ page }) => {
  await ready(page);
  await page.goto('/rules/new');
  await expect(said(page)).toHaveText('137 of 137 known superevents would have rung.');
  await expect(page.locator('#past')).toContainText('80 or more superevents a day');
  await page.getByLabel('False alarm rate below').fill('1 per 1000 years');
  await expect(said(page)).toHaveText(/^\d\d of 137 known superevents would have rung\.$/);
  await expect(page.locator('#past')).not.toContainText('80 or more');
  await page.locator('#past-which summary').click();
  await expect(page.locator('.rang li').first()).toContainText('per');
  await page.getByLabel('False alarm rate below').fill('1 per 10 years');
  // What was opened stays open.
  await expect(page.locator('#past-which')).toHaveAttribute('open', '');
  await expectAccessible(page, [320, 1440]);
  await page.getByLabel('False alarm rate below').fill('often');
  await expect(said(page)).toContainText('mended');
  await page.goto('/rules');
  await expect(page.locator('h1 + .lead')).toContainText('No rule yet');
});

test('what was typed before the page woke counts too', async ({ page }) => {
  await ready(page);
  let wake = () => {};
  const awake = new Promise<void>((woken) => (wake = woken));
  await page.route('**/*.wasm', async (route) => {
    await awake;
    await route.continue();
  });
  await page.goto('/rules/new', { waitUntil: 'domcontentloaded' });
  await page.getByLabel('False alarm rate below').fill('1 per 1000 years');
  await expect(said(page)).toHaveText('137 of 137 known superevents would have rung.');
  wake();
  await expect(said(page)).toHaveText(/^\d\d of 137 known superevents would have rung\.$/);
});

test('a label query is completed, and its fault is shown where it is', async ({ page }) => {
  await ready(page);
  await page.goto('/rules/new');
  await page.locator('#query summary').click();
  const query = page.getByLabel('Label query');
  await query.fill('EM_READY & ~dq');
  await expect(page.locator('#label-names option').first()).toHaveAttribute('value', 'EM_READY & ~DQOK');
  // And within the text, at the caret; the browser needs a label there to show it.
  await query.fill('dq & EM_READY');
  for (const key of ['Home', 'ArrowRight']) await query.press(key);
  await query.pressSequentially('q');
  await query.press('Delete');
  await expect(page.locator('#label-names option').first()).toHaveAttribute('value', 'DQOK & EM_READY');
  await expect(page.locator('#label-names option').first()).toHaveAttribute('label', /^dq & EM_READY /);
  await query.fill('EM_READY & ~dq');
  await expect(page.locator('#rule-problems')).toContainText('"dq" at character 13 is not a known label');
  await expect(page.locator('#label_query-at')).toHaveText('EM_READY & ~dq\n            ^^');
  await query.fill('EM_READY & ~DQV');
  await expect(page.locator('#label_query-at')).toBeHidden();
  await expect(said(page)).toContainText('of 137');
});

test('an e-mail address is shown in the form, and said to be for later', async ({ page, ringdown }) => {
  await ready(page);
  await page.goto('/contacts/new?kind=email');
  await page.getByLabel('Name').fill('Work');
  await page.getByLabel('E-mail address').fill('ada@example.org');
  await page.getByRole('button', { name: 'Keep this address' }).click();
  await page.goto('/rules/new');
  await expect(page.getByLabel('Mobile')).toBeChecked();
  await expect(page.getByLabel('Work')).toBeDisabled();
  await expect(page.getByRole('group', { name: 'Tell' })).toContainText('E-mail is not sent yet');
  // One that came verified by an import stays chosen when the rule is saved again.
  await ringdown.sql("UPDATE contacts SET verified_ms = 1 WHERE kind = 'email'");
  await page.goto('/rules/new');
  await page.getByLabel('Name').fill('Both');
  await page.getByLabel('Work').check();
  await page.getByRole('button', { name: 'Save this rule' }).click();
  await expect(page.locator('main')).toContainText('Work (E-mail ada@example.org, not sent yet)');
  await page.getByRole('link', { name: 'Edit Both' }).click();
  await page.getByRole('button', { name: 'Save the changes' }).click();
  await expect(page.locator('main')).toContainText('not sent yet');
});

test('a template fills the form; a change to a saved rule is compared with it', async ({ page }) => {
  await ready(page);
  await page.goto('/rules');
  await expect(page.locator('.template').filter({ hasText: 'Retractions' })).toContainText('22 of 137');
  await page.getByRole('link', { name: 'Retractions' }).click();
  await expect(page.locator('input[name="labels[]"][value=ADVNO]')).toBeChecked();
  await page.locator('main form button.primary').click();
  await page.getByRole('link', { name: 'Edit Retractions' }).click();
  await expect(page.locator('#past')).toContainText('The same ones as the rule as it is saved');
  await page.locator('input[name="labels[]"][value=ADVNO]').uncheck();
  await page.locator('input[name="labels[]"][value=GCN_PRELIM_SENT]').check();
  await expect(page.locator('#past')).toContainText('55 more than the rule as it is saved');
});

test('rules are ordered, copied, deleted and brought back', async ({ page, ringdown }) => {
  await ready(page);
  await makeRule(page, '1 per year');
  await page.getByRole('link', { name: 'Duplicate' }).click();
  await expect(page.getByLabel('Name')).toHaveValue('Rare superevents (copy)');
  await page.locator('main form button.primary').click();
  const names = page.locator('.item h2');
  await expect(names).toHaveText(['Rare superevents', 'Rare superevents (copy)']);
  await page.getByRole('button', { name: 'Move up Rare superevents (copy)' }).click();
  await expect(names).toHaveText(['Rare superevents (copy)', 'Rare superevents']);
  await page.getByRole('button', { name: /^Delete/ }).first().click();
  await expect(names).toHaveText(['Rare superevents']);
  await expect(page.locator('.notice')).toContainText('It rings no more');
  await expectAccessible(page, [320, 1440]);
  await page.getByRole('button', { name: /^Undo/ }).click();
  await expect(names).toHaveText(['Rare superevents (copy)', 'Rare superevents']);
  expect(ringdown.log).not.toContain('Rare superevents');
});

test('a double click saves once', async ({ page }) => {
  await ready(page);
  await page.goto('/rules/new');
  await page.getByLabel('Name').fill('Once');
  await page.locator('input[name="contacts[]"]').first().check();
  await page.locator('main form button.primary').dblclick();
  await expect(page).toHaveURL(/\/rules\?said=rule-added$/);
  await expect(page.locator('.item')).toHaveCount(1);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a rule is tried by a button, with everything kept', async ({ page, watch }) => {
    watch.expect(/^failed: GET \S+\.js csp$/);
    await ready(page);
    await page.goto('/rules/new?from=significant');
    await expect(said(page)).toContainText('78 of 137');
    await page.getByLabel('Name').fill('Mine');
    await page.getByLabel('Label query').fill('ADVNO & SIGNIF_LOCKED');
    await page.getByRole('button', { name: 'Try it on past superevents' }).click();
    expect(new URL(page.url()).hash).toBe('#past');
    await expect(said(page)).toContainText('1 of 137');
    await expect(page.getByLabel('Name')).toHaveValue('Mine');
    await page.getByLabel('Label query').fill('ADVNO SIGNIF_LOCKED');
    await page.getByRole('button', { name: 'Try it on past superevents' }).click();
    await expect(page.getByLabel('Label query')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('#label_query-at')).toHaveText('ADVNO SIGNIF_LOCKED\n      ^^^^^^^^^^^^^');
    await page.goto('/rules');
    await expect(page.locator('h1 + .lead')).toContainText('No rule yet');
  });
});
