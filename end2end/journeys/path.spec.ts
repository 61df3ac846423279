// The main job, by a newcomer's hands: sign in, add a phone, verify it, make a rule, and a real superevent rings.

import type { Browser, BrowserContext } from '@playwright/test';
import { expectAccessible } from '../harness/axe.ts';
import { superevent } from '../harness/packets.ts';
import { NUMBER, addPhone, codeOnPhone, codeSpoken, makeRule, signIn, verifiedPhone, verify } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

test('from the first visit to a phone that rings, and why it rang', async ({ page, context, ringdown }) => {
  await signIn(page);
  await expect(page.locator('h1')).toContainText('No phone is registered');

  // A wrong number: the field's own message, and what was typed is kept.
  await page.goto('/contacts/new');
  await page.getByLabel('Name').fill('Mobile');
  await page.getByLabel('Phone number').fill('12 34');
  await page.locator('input[name=method][value=both]').check();
  await page.getByRole('button', { name: 'Add this phone' }).click();
  await expect(page.getByLabel('Phone number')).toHaveValue('12 34');
  await expect(page.getByLabel('Phone number')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Name')).toHaveValue('Mobile');
  await expect(page.getByLabel('Phone number')).toHaveAccessibleDescription(/not a valid phone number/);
  expect(page.url()).toMatch(/\/contacts\/new\?again=\w+$/);

  const contact = await addPhone(page, 'both');
  await page.getByRole('button', { name: 'Text me a code' }).click();

  // A wrong code costs a guess and says so.
  const code = await codeOnPhone(page, contact);
  await expectAccessible(page, [320]);
  await verify(page, contact, code === '000000' ? '111111' : '000000');
  await expect(page.locator('main')).toContainText('4 guesses left');
  await verify(page, contact, code);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();

  // A label that the demo admin's rule does not wait for.
  await makeRule(page, '1 per 10 years', { label: 'ADVOK' });
  await expect(page.locator('main')).toContainText('Rare superevents');

  // The phone is on the screen while GraceDB's packets come in, as it posts them.
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  const { made, labelled } = superevent('S190425z', 'ADVOK');
  const first = await ringdown.post(made);
  expect(first).toMatchObject({ duplicate: false, deliveries: 0 });
  const second = await ringdown.post(labelled);
  expect(second).toMatchObject({ duplicate: false, deliveries: 2 });
  expect(await ringdown.post(labelled)).toEqual({ id: second.id, duplicate: true, deliveries: 0 });

  await phone.getByRole('button', { name: /answer/i }).click();
  await expect(phone.locator('#device')).toContainText('This is Ringdown');
  await expect(phone.locator('#device')).toContainText(/superevent S, 1 9, 0 4, 2 5, Z/);

  // The history follows without a reload.
  await page.goto(`/history/${second.id}`);
  await expect(page.locator('main')).toContainText('ADVOK');
  await phone.getByRole('button', { name: '1', exact: true }).click();
  await expect(page.locator('#story')).toContainText('answered, key pressed');
  await expect(page.locator('#story')).toContainText('delivered');
  await expect(page.locator('#story')).toContainText('1 per 10 years');
  // And then stands still.
  await expect(page.locator('#story')).toContainText('call ended');
  await expectAccessible(page, [320]);

  const alert = await ringdown.alert(second.id);
  expect(alert.deliveries.map((one: any) => [one.channel, one.state]).sort()).toEqual([
    ['call', 'reached'],
    ['text', 'reached'],
  ]);
  for (const delivery of alert.deliveries) {
    expect(delivery.attempts).toHaveLength(1);
    expect(delivery.attempts[0].sid).toMatch(/^(CA|SM)[0-9a-f]{32}$/);
  }
  expect(ringdown.log).not.toContain(NUMBER.replaceAll(' ', ''));
  // Six digits may be a part of any id or moment.
  expect(ringdown.log).not.toMatch(new RegExp(`\\b${code}\\b`));

  await page.goto(`/history/${first.id}`);
  await expect(page.locator('#story')).toContainText('No rule of yours matched');
});

test('a code by voice', async ({ page, context }) => {
  await signIn(page);
  const contact = await addPhone(page, 'call');
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  await page.getByRole('button', { name: 'Call me with a code' }).click();
  await phone.getByRole('button', { name: /answer/i }).click();
  const digits = await codeSpoken(phone);
  await verify(page, contact, digits);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();
});

test('a rule form keeps what was typed and names every fault', async ({ page }) => {
  await signIn(page);
  await verifiedPhone(page);
  await page.goto('/rules/new');
  await page.getByLabel('False alarm rate below').fill('often');
  await page.locator('main form button.primary').click();
  await expect(page.getByLabel('False alarm rate below')).toHaveValue('often');
  await expect(page.getByLabel('False alarm rate below')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page, [320]);
  await page.goto('/rules');
  await expect(page.locator('main')).toContainText('No rule yet');
});

test('a paused rule rings nobody until it is resumed', async ({ page, ringdown }) => {
  await signIn(page);
  await verifiedPhone(page, 'text');
  await makeRule(page, '1 per year');
  await page.goto('/rules');
  await page.getByRole('button', { name: /pause/i }).first().click();
  expect((await ringdown.post(superevent('S190426c').made)).deliveries).toBe(0);
  await page.goto('/rules');
  await page.getByRole('button', { name: /resume/i }).first().click();
  expect((await ringdown.post(superevent('S190503bf').made)).deliveries).toBe(1);
});

test('a test call shows each step', async ({ page, context }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'both');
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  await page.getByRole('button', { name: 'Send a test' }).click();
  await phone.getByRole('button', { name: /answer/i }).click();
  await phone.getByRole('button', { name: '1', exact: true }).click();
  await expect(page.locator('main')).toContainText('answered, key pressed');
});

test('somebody else’s things are not there', async ({ page, browser, ringdown }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  const other: BrowserContext = await (browser as Browser).newContext({ baseURL: ringdown.url });
  const theirs = await other.newPage();
  await signIn(theirs, 'Max');
  for (const path of [`/contacts/${contact}`, `/phone?contact=${contact}`, '/rules/nothing', '/history/nothing']) {
    expect((await theirs.goto(path))?.status(), path).toBe(404);
  }
  await other.close();
});
