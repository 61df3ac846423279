// Codes that do not work: each says why, and the way to one that does is on the same page.

import { addPhone, codeOnPhone, signIn, verify } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

/** Six digits that are not `code`. */
const other = (code: string, step = 1): string => String((Number(code) + step) % 1_000_000).padStart(6, '0');

test('a wrong code costs a guess, and five cost the code', async ({ page }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.getByRole('button', { name: 'Text me a code' }).click();
  const code = await codeOnPhone(page, contact);
  const field = page.getByLabel('The six digits');
  for (const left of [4, 3, 2, 1]) {
    await verify(page, contact, other(code, left));
    await expect(field).toHaveAccessibleDescription(new RegExp(`not the code.*${left} guess`));
    await expect(field).toHaveAttribute('aria-invalid', 'true');
  }
  await verify(page, contact, other(code));
  await expect(field).toHaveAccessibleDescription(/last guess/);
  // Even the right one is worth nothing now.
  await verify(page, contact, code);
  await expect(field).toHaveAccessibleDescription(/no longer works/);
  await expect(page.locator('main').getByText('not verified')).toBeVisible();
});

test('a code that is too short is refused without costing a guess', async ({ page }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.getByRole('button', { name: 'Text me a code' }).click();
  const code = await codeOnPhone(page, contact);
  await verify(page, contact, code.slice(0, 5));
  await expect(page.getByLabel('The six digits')).toHaveAccessibleDescription(/six digits/);
  // As people copy it.
  await verify(page, contact, `${code.slice(0, 3)} ${code.slice(3)}`);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();
});

test('an expired code says so, and a new one works', async ({ page, ringdown }) => {
  await signIn(page);
  const contact = await addPhone(page, 'text');
  await page.getByRole('button', { name: 'Text me a code' }).click();
  const old = await codeOnPhone(page, contact);
  await passElevenMinutes();
  await verify(page, contact, old);
  await expect(page.getByLabel('The six digits')).toHaveAccessibleDescription(/expired/);
  await page.getByRole('button', { name: /^Text (me )?a (new )?code$/ }).click();
  await page.goto(`/phone?contact=${contact}`);
  const texts = page.locator('#device').getByText(/\d{6} is your Ringdown code/);
  await expect(texts).toHaveCount(2);
  const codes = (await texts.allInnerTexts()).map((text) => text.match(/\d{6}/)![0]);
  await verify(page, contact, codes.find((code) => code !== old)!);
  await expect(page.locator('main').getByText('verified', { exact: true })).toBeVisible();

  // The server's clock goes on as it does; what was sent is made older instead.
  async function passElevenMinutes(): Promise<void> {
    const ms = 11 * 60 * 1000;
    await ringdown.sql(
      `UPDATE verifications SET made_ms = made_ms - ${ms}, expires_ms = expires_ms - ${ms};
       UPDATE code_sends SET at_ms = at_ms - ${ms};`,
    );
  }
});
