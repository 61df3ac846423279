// The connection goes while a phone rings, and comes back. Nothing is asked of whoever watches.

import { superevent } from '../harness/packets.ts';
import { makeRule, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';
import { settled } from '../harness/visit.ts';

const OFFLINE = /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/;

test('a page that lost its connection catches up with a ringing phone', async ({ page, context, ringdown, watch }) => {
  watch.expect(OFFLINE);
  await signIn(page);
  const contact = await verifiedPhone(page, 'call');
  await makeRule(page, '1 per 10 years');
  await page.goto(`/phone?contact=${contact}`);
  await page.locator('#device').waitFor();
  await context.setOffline(true);
  expect((await ringdown.post(superevent().made)).deliveries).toBe(1);
  await expect(page.getByRole('button', { name: 'Answer' })).toHaveCount(0);
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Answer' }).click();
  await expect(page.locator('#device')).toContainText('This is Ringdown');
});

test('a press while the connection is gone is not lost on the page', async ({ page, context, ringdown, watch }) => {
  watch.expect(OFFLINE);
  await signIn(page);
  const contact = await verifiedPhone(page, 'call');
  await makeRule(page, '1 per 10 years');
  await page.goto(`/phone?contact=${contact}`);
  const alert = await ringdown.post(superevent().made);
  const answer = page.getByRole('button', { name: 'Answer' });
  await answer.waitFor();
  await context.setOffline(true);
  await answer.click();
  // It still rings: nothing pretends to have happened.
  await expect(answer).toBeVisible();
  await context.setOffline(false);
  await answer.click();
  await expect(page.locator('#device')).toContainText('This is Ringdown');
  await page.getByRole('button', { name: '1', exact: true }).click();
  await expect(page.locator('#device')).toContainText(/pressed 1/);
  await page.goto(`/history/${alert.id}`);
  await expect(page.locator('#story')).toContainText('answered, key pressed');
  // Where nothing rings, it is said, by a page that is awake.
  await settled(page);
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Mute it' }).click();
  await expect(page.getByRole('alert')).toContainText('Not sent: there is no connection.');
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Mute it' }).click();
  await expect(page.getByRole('button', { name: 'Let it ring again' })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('the server is started anew while a phone rings', async ({ page, ringdown, watch }) => {
  watch.expect(OFFLINE);
  await signIn(page);
  const contact = await verifiedPhone(page, 'text');
  await makeRule(page, '1 per 10 years');
  await page.goto(`/phone?contact=${contact}`);
  await page.locator('#device').waitFor();
  await ringdown.down('SIGKILL');
  await ringdown.up();
  await ringdown.post(superevent().made);
  // The page has found its way back by itself.
  await expect(page.locator('#device').getByText(/^New superevent/)).toBeVisible();
});
