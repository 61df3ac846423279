// A night: the phone rings, it is answered and acknowledged, more comes and rings nobody, and then it is taken back.

import { superevent } from '../harness/packets.ts';
import { hangUp, makeRule, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

test('a night: alert, call, acknowledged, retracted', async ({ page, context, ringdown }) => {
  await signIn(page);
  const contact = await verifiedPhone(page, 'call');
  await makeRule(page, '1 per 10 years', { name: 'Rare superevents' });
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  const device = phone.locator('#device');

  const { made, labelled, retracted } = superevent('S190425z', 'EM_READY');
  const first = await ringdown.post(made);
  expect(first.deliveries).toBe(1);
  await phone.getByRole('button', { name: 'Answer' }).click();
  await expect(device).toContainText('This is Ringdown');
  await expect(device).toContainText('Rare superevents');
  await phone.getByRole('button', { name: '1', exact: true }).click();
  await expect(device).toContainText(/pressed 1/);

  // What comes later is written down and wakes nobody.
  const later = await ringdown.post(labelled);
  expect(later.deliveries).toBe(0);
  // But that it was nothing is told to whoever was woken for it.
  await hangUp(phone);
  const last = await ringdown.post(retracted);
  expect(last.deliveries).toBe(1);
  await phone.getByRole('button', { name: 'Answer' }).click();
  await expect(device).toContainText(/retracted/i);

  await page.goto(`/history/${first.id}`);
  await expect(page.locator('main')).toContainText('you were reached');
  await expect(page.locator('main')).toContainText('key 1 pressed');
  await page.goto(`/history/${later.id}`);
  await expect(page.locator('main')).toContainText(/told of it before|did not ring/);
  await page.goto(`/history/${last.id}`);
  await expect(page.locator('main')).toContainText('retracted');
});
