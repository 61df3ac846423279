// What a person does again and again, by the words on the page.

import { expect, type Page } from '@playwright/test';

export const NUMBER = '+46 70 174 06 05';

export async function signIn(page: Page, name = 'Ada'): Promise<void> {
  await page.goto('/sign-in');
  await page.getByRole('button', { name }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
}

/** Adds a phone and leaves its page open; returns the contact's id. */
export async function addPhone(page: Page, method: string, number = NUMBER): Promise<string> {
  await page.goto('/contacts/new');
  await page.getByLabel('Name').fill('Mobile');
  await page.getByLabel('Phone number').fill(number);
  await page.locator(`input[name=method][value=${method}]`).check();
  await page.getByRole('button', { name: 'Add this phone' }).click();
  await expect(page.getByRole('heading', { name: 'Mobile' })).toBeVisible();
  return new URL(page.url()).pathname.split('/')[2];
}

/** The code in the newest text on the simulated phone. */
export async function codeOnPhone(page: Page, contact: string): Promise<string> {
  await page.goto(`/phone?contact=${contact}`);
  return codeOnScreen(page);
}

/** The same, on a phone that is on the screen already. */
export async function codeOnScreen(page: Page): Promise<string> {
  const text = page.locator('#device').getByText(/\d{6} is your Ringdown code/).last();
  await expect(text).toBeVisible();
  return (await text.innerText()).match(/\d{6}/)![0];
}

export async function verify(page: Page, contact: string, code: string): Promise<void> {
  await page.goto(`/contacts/${contact}`);
  await page.getByLabel('The six digits').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
}

/** Adds a phone and verifies it by text. */
export async function verifiedPhone(page: Page, method = 'both'): Promise<string> {
  const contact = await addPhone(page, method);
  await page.getByRole('button', { name: 'Text me a code' }).click();
  await verify(page, contact, await codeOnPhone(page, contact));
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();
  return contact;
}

export async function makeRule(page: Page, far: string, label?: string): Promise<void> {
  await page.goto('/rules/new');
  await page.getByLabel('Name').fill('Rare superevents');
  await page.getByLabel('False alarm rate below').fill(far);
  if (label) await page.locator(`input[name="labels[]"][value=${label}]`).check();
  await page.locator('input[name="contacts[]"]').first().check();
  await page.locator('main form button.primary').click();
}
