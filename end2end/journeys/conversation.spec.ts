import { expect, test } from '../harness/test.ts';
import { superevent } from '../harness/packets.ts';
import { makeRule, signIn, verifiedPhone } from '../harness/steps.ts';

// The answer to a reply takes a slot that is free: at one text a second there is none yet for whoever reads this fast.
test.use({ environment: { RINGDOWN_TWILIO_MESSAGES_PER_SECOND: '1000' } });

test('a night in texts: told once, acknowledged, taken back', async ({ page, ringdown }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'text');
  await makeRule(page, '1 per 10 years');
  const { made, labelled, retracted } = superevent('S190425z', 'EM_READY');
  const first = await ringdown.post(made);
  expect(first.deliveries).toBe(1);
  await page.goto(`/phone?contact=${contact}`);
  const device = page.locator('#device');
  await expect(device.getByText(/^New superevent/)).toBeVisible();
  await page.getByLabel('Text back').fill('1');
  await page.getByRole('button', { name: 'Send' }).click();
  await expect(device.getByText(/is acknowledged/)).toBeVisible();
  // The rule has spoken; what comes later stands in the history.
  expect((await ringdown.post(labelled)).deliveries).toBe(0);
  expect((await ringdown.post(retracted)).deliveries).toBe(1);
  await expect(device.getByText(/^RETRACTED/)).toBeVisible();
  await page.goto('/history');
  await page.getByRole('link', { name: 'S190425z' }).click();
  await expect(page.locator('#gist')).toContainText('you replied 1');
  await expect(page.locator('#standing')).toContainText('Retracted at');
  await page.getByRole('link', { name: 'label ADVNO added' }).first().click();
  await expect(page.locator('main')).toContainText('you are told that it was retracted');
});

test('STOP turns texts off, START brings them back', async ({ page }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'text');
  const send = async (words: string): Promise<void> => {
    await page.goto(`/phone?contact=${contact}`);
    await page.getByLabel('Text back').fill(words);
    await page.getByRole('button', { name: 'Send' }).click();
    await expect(page.locator('#device').getByText(words, { exact: true })).toBeVisible();
    await page.goto(`/contacts/${contact}`);
  };
  await send('STOP');
  await expect(page.getByText('Texts are off: this phone sent STOP.')).toBeVisible();
  await send('START');
  await expect(page.getByText('Texts are off')).toHaveCount(0);
});
