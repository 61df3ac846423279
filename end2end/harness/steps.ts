// What a person does again and again, by the words on the page.

import { expect, type Locator, type Page } from '@playwright/test';
import { type Ringdown } from './ringdown.ts';

export const NUMBER = '+46 70 174 06 05';

export async function signIn(page: Page, name = 'Ada'): Promise<void> {
  await page.goto('/sign-in');
  await page.getByRole('button', { name }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
}

/** Adds a phone and leaves its page open; returns the contact's id. */
export async function addPhone(page: Page, method: string, number = NUMBER, name = 'Mobile'): Promise<string> {
  await page.goto('/contacts/new');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Phone number').fill(number);
  await page.locator(`input[name=method][value=${method}]`).check();
  await page.getByRole('button', { name: 'Add this phone' }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
  return new URL(page.url()).pathname.split('/')[2];
}

/** Loads a page again until something is there, as whoever has no JavaScript must. */
export async function reloadUntil(page: Page, path: string, there: Locator): Promise<void> {
  await expect(async () => {
    await page.goto(path);
    await expect(there).toBeVisible({ timeout: 200 });
  }).toPass();
}

const codeIn = (page: Page): Locator => page.locator('#device').getByText(/\d{6} is your Ringdown code/).last();

/** The code in the newest text on the simulated phone. */
export async function codeOnPhone(page: Page, contact: string): Promise<string> {
  await reloadUntil(page, `/phone?contact=${contact}`, codeIn(page));
  return codeOnScreen(page);
}

/** The same, on a phone that is on the screen already. */
export async function codeOnScreen(page: Page): Promise<string> {
  await expect(codeIn(page)).toBeVisible();
  return (await codeIn(page).innerText()).match(/\d{6}/)![0];
}

export async function verify(page: Page, contact: string, code: string): Promise<void> {
  await page.goto(`/contacts/${contact}`);
  await page.getByLabel('The six digits').fill(code);
  await page.getByRole('button', { name: 'Verify' }).click();
}

/** Adds a phone and verifies it, by text unless it takes calls alone. */
export async function verifiedPhone(page: Page, method = 'both', number = NUMBER, name = 'Mobile'): Promise<string> {
  const contact = await addPhone(page, method, number, name);
  const code = await (method === 'call' ? spokenCode(page, contact) : textedCode(page, contact));
  await verify(page, contact, code);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();
  return contact;
}

async function textedCode(page: Page, contact: string): Promise<string> {
  await page.getByRole('button', { name: 'Text me a code' }).click();
  return codeOnPhone(page, contact);
}

async function spokenCode(page: Page, contact: string): Promise<string> {
  await page.getByRole('button', { name: 'Call me with a code' }).click();
  await page.goto(`/phone?contact=${contact}`);
  await page.getByRole('button', { name: 'Answer' }).click();
  const code = await codeSpoken(page);
  await hangUp(page);
  return code;
}

/** Ends the call, if it has not ended by itself. */
export async function hangUp(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Hang up' });
  await expect(async () => {
    if (await button.isVisible()) await button.click({ timeout: 1000 });
    await expect(button).toHaveCount(0, { timeout: 500 });
  }).toPass();
}

/** The code that the phone on the screen is saying. */
export async function codeSpoken(page: Page): Promise<string> {
  const spoken = page.locator('#device').getByText(/code is: (\d, ){5}\d/).first();
  await expect(spoken).toBeVisible();
  return (await spoken.innerText()).match(/code is: ((?:\d, ){5}\d)/)![1].replaceAll(', ', '');
}

interface Asked {
  name?: string;
  label?: string;
}

/** Makes a rule that tells the first phone; what else it asks for is up to `asked`. */
export async function makeRule(page: Page, far: string, asked: Asked = {}): Promise<void> {
  await page.goto('/rules/new');
  await page.getByLabel('Name').fill(asked.name ?? 'Rare superevents');
  await page.getByLabel('False alarm rate below').fill(far);
  if (asked.label) await page.locator(`input[name="labels[]"][value=${asked.label}]`).check();
  await page.locator('input[name="contacts[]"]:enabled').first().check();
  await page.locator('main form button.primary').click();
}

/** Makes the codes that were asked for older, so that another may be asked for. */
export async function laterForCodes(ringdown: Ringdown): Promise<void> {
  await ringdown.sql('UPDATE code_sends SET at_ms = at_ms - 120000');
}

/** A day to come in every zone, written the same by whoever puts the month first: 5 May, 6 June. */
export function evenDay(from = new Date()): { iso: string; typed: string } {
  const day = new Date(from);
  day.setUTCDate(day.getUTCDate() + 1);
  do day.setUTCDate(day.getUTCDate() + 1);
  while (day.getUTCDate() !== day.getUTCMonth() + 1);
  const iso = day.toISOString().slice(0, 10);
  const [year, month] = iso.split('-');
  return { iso, typed: `${month}${month}${year}` };
}
