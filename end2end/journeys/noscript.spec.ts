// Without JavaScript everything can be done that can be done at all. A page is then as old as its last load.

import { superevent } from '../harness/packets.ts';
import { addPhone, codeOnPhone, codeSpoken, evenDay, laterForCodes, makeRule, reloadUntil, signIn, verifiedPhone, verify } from '../harness/steps.ts';
import { expect, test as ours } from '../harness/test.ts';

const test = ours.extend({
  watch: async ({ watch }, use) => {
    // Chromium reports the scripts that it was told not to run.
    watch.expect(/^failed: GET \S+\.js csp$/);
    await use(watch);
  },
});
test.use({ javaScriptEnabled: false });

test('a phone: added, verified, renamed, tested, deleted', async ({ page }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.getByRole('button', { name: 'Text me a code' }).click();
  await verify(page, contact, await codeOnPhone(page, contact));
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();

  await page.getByText('Rename', { exact: true }).click();
  await page.getByLabel('Name').fill('Bedside');
  await page.getByRole('button', { name: 'Save the name' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Bedside' })).toBeVisible();

  await page.getByRole('button', { name: 'Send a test' }).click();
  await reloadUntil(page, `/contacts/${contact}`, page.locator('#progress').getByText('delivered').first());

  await page.getByText('Delete this contact').click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page.getByRole('status')).toContainText('deleted');
});

test('a rule: made, changed, paused, resumed, deleted and brought back', async ({ page, ringdown }) => {
  await signIn(page);
  await verifiedPhone(page, 'text');
  await makeRule(page, '1 per year', { name: 'Once a year' });
  await page.getByRole('link', { name: 'Edit Once a year' }).click();
  await page.getByLabel('Name').fill('Once a decade');
  await page.getByLabel('False alarm rate below').fill('1 per 10 years');
  await page.getByRole('button', { name: 'Save the changes' }).click();
  await expect(page.locator('main')).toContainText('1 per 10 years');
  await page.getByRole('button', { name: 'Pause Once a decade' }).click();
  expect((await ringdown.post(superevent('S190426c').made)).deliveries).toBe(0);
  await page.getByRole('button', { name: 'Resume Once a decade' }).click();
  expect((await ringdown.post(superevent('S190503bf').made)).deliveries).toBe(1);
  await page.getByRole('button', { name: 'Delete Once a decade' }).click();
  await page.getByRole('button', { name: 'Undo deleting Once a decade' }).click();
  await expect(page.getByRole('link', { name: 'Edit Once a decade' })).toBeVisible();
});

test('an alert: it rings, is answered, acknowledged, and explained', async ({ page, ringdown }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'both');
  await makeRule(page, '1e-7');
  const phone = `/phone?contact=${contact}`;
  const device = page.locator('#device');
  const taken = await ringdown.post(superevent().made);
  expect(taken.deliveries).toBe(2);
  await reloadUntil(page, phone, page.getByRole('button', { name: 'Answer' }));
  await page.getByRole('button', { name: 'Answer' }).click();
  await reloadUntil(page, phone, device.getByText('This is Ringdown').first());
  await page.getByRole('button', { name: '1', exact: true }).click();
  await reloadUntil(page, `/history/${taken.id}`, page.locator('#story').getByText('answered, key pressed').first());
});

test('quiet hours: a window added, filled in and saved', async ({ page }) => {
  await signIn(page);
  await page.goto('/quiet');
  await page.getByRole('button', { name: 'Add a window' }).click();
  // All of the day, on every day but a far one, so that it is quiet whenever this runs and not for ever.
  const far = (new Date().getDay() + 6 + 3) % 7;
  const days = await page.getByRole('group', { name: /^Window 1/ }).getByRole('checkbox').all();
  for (const [n, day] of days.entries()) await day.setChecked(n !== far);
  await page.getByLabel('From', { exact: true }).fill('00:00');
  await page.getByLabel('To', { exact: true }).fill('00:00');
  await page.getByRole('button', { name: 'Save the quiet hours' }).click();
  await expect(page.getByRole('status').first()).toContainText('Quiet hours saved');
  await expect(page.locator('main')).toContainText('It is quiet now');
});

test('what a call does, a page does too: know it, mute it, let it ring again', async ({ page, ringdown }) => {
  await signIn(page);
  await verifiedPhone(page, 'text');
  await makeRule(page, '1 per year');
  expect((await ringdown.post(superevent().made)).deliveries).toBe(1);
  await page.goto('/history/about/S190425z');
  await page.getByRole('button', { name: 'I know' }).click();
  await expect(page.getByRole('status').first()).toContainText('Noted: you know');
  await page.getByRole('button', { name: 'Mute it' }).click();
  await expect(page.getByRole('status').first()).toContainText('Muted');
  await page.getByRole('button', { name: 'Let it ring again' }).click();
  await expect(page.getByRole('status').first()).toContainText('Unmuted');
});

test('a pause until a day, and its end', async ({ page, ringdown }) => {
  await signIn(page);
  await verifiedPhone(page, 'text');
  await makeRule(page, '1 per year');
  await page.goto('/quiet');
  await page.getByLabel('Until', { exact: true }).fill(evenDay().iso);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(page.getByRole('status').first()).toContainText('Paused. Nothing rings until then');
  await expect(page.locator('h1 + .lead')).toContainText('Everything is paused until');
  expect((await ringdown.post(superevent('S190426c').made)).deliveries).toBe(0);
  await page.getByRole('button', { name: 'Resume now' }).click();
  await expect(page.getByRole('status').first()).toContainText('Resumed');
  expect((await ringdown.post(superevent('S190503bf').made)).deliveries).toBe(1);
});

test('another time zone, mistyped first', async ({ page }) => {
  await signIn(page);
  await page.goto('/quiet');
  const zone = page.getByLabel('The clock you live by');
  await zone.fill('Atlantis');
  await page.getByRole('button', { name: 'Change' }).click();
  await expect(zone).toHaveAttribute('aria-invalid', 'true');
  await expect(zone).toHaveValue('Atlantis');
  await zone.fill('Tokyo');
  await page.getByRole('button', { name: 'Change' }).click();
  await expect(page.getByRole('status').first()).toContainText('Time zone changed');
  await expect(page.locator('main')).toContainText('by the clock in Tokyo');
});

test('another method, proven by a code that comes that way', async ({ page, ringdown }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'text');
  await laterForCodes(ringdown);
  await page.getByText('Change how it is reached').click();
  await page.locator('input[name=method][value=call]').check();
  await page.getByRole('button', { name: 'Change it' }).click();
  await expect(page.getByRole('status').first()).toContainText('prove the new way with a code');
  await page.getByRole('button', { name: 'Call me with a code' }).click();
  const phone = `/phone?contact=${contact}`;
  await reloadUntil(page, phone, page.getByRole('button', { name: 'Answer' }));
  await page.getByRole('button', { name: 'Answer' }).click();
  await reloadUntil(page, phone, page.locator('#device').getByText(/code is: (\d, ){5}\d/).first());
  await verify(page, contact, await codeSpoken(page));
  await expect(page.getByRole('status').first()).toContainText('Verified');
  await expect(page.getByRole('region', { name: /prove that it arrives/ })).toHaveCount(0);
  await page.goto('/contacts');
  await expect(page.locator('main')).toContainText(/Call \+46/);
});

test('the account, deleted after a second thought', async ({ page }) => {
  await signIn(page);
  await addPhone(page, 'text');
  await page.goto('/account');
  await page.locator('summary', { hasText: 'Delete my account' }).click();
  await page.getByRole('button', { name: 'Delete everything of mine' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel(/to confirm/).fill('delete');
  await page.getByRole('button', { name: 'Delete everything of mine' }).click();
  await expect(page.getByRole('status').first()).toContainText('Your account is deleted');
  await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0);
  await page.goto('/sign-in');
  await expect(page.locator('main')).not.toContainText('Ada');
});
