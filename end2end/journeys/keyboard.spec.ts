// Whole journeys without a mouse, with the focus in sight at every stop.

import { Keyboard } from '../harness/keyboard.ts';
import { superevent } from '../harness/packets.ts';
import { NUMBER, codeOnScreen, codeSpoken, evenDay, laterForCodes, signIn, verifiedPhone } from '../harness/steps.ts';
import { expect, test } from '../harness/test.ts';

test('by keyboard alone: sign in, a phone, its code, a rule, a ringing phone', async ({ page, context, ringdown }) => {
  test.slow();
  const keys = new Keyboard(page);
  await page.goto('/');
  await keys.press(page.locator('main').getByRole('link', { name: /pick a person|sign in/i }));
  await keys.press(page.getByRole('button', { name: 'Ada' }));
  await keys.press(page.getByRole('link', { name: 'Add your phone' }));

  await keys.type(page.getByLabel('Name'), 'Mobile');
  await keys.type(page.getByLabel('Phone number'), '12');
  await keys.choose(page.getByRole('group', { name: /reach you/ }), page.getByRole('radio', { name: /Call and text/ }));
  await page.keyboard.press('Enter');
  // The problems come first, and lead to the field.
  await expect(page.getByRole('alert')).toBeFocused();
  await keys.press(page.getByRole('alert').getByRole('link'));
  await expect(page.getByLabel('Phone number')).toBeFocused();
  await keys.type(page.getByLabel('Phone number'), NUMBER);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Mobile' })).toBeVisible();

  const contact = new URL(page.url()).pathname.split('/')[2];
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  await page.bringToFront();
  await keys.press(page.getByRole('button', { name: 'Text me a code' }));
  const code = await codeOnScreen(phone);
  await keys.type(page.getByLabel('The six digits'), code);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').first()).toContainText('Verified');

  await keys.press(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Rules' }));
  // The page before has a link of the same name as the next one.
  await expect(page.getByRole('heading', { level: 1, name: 'Rules' })).toBeVisible();
  await keys.press(page.getByRole('link', { name: 'Make a rule' }));
  await keys.type(page.getByLabel('Name'), 'Rare superevents');
  await keys.type(page.getByLabel('False alarm rate below'), '1 per 10 years');
  await keys.press(page.getByRole('button', { name: 'Save this rule' }));
  await expect(page.getByRole('status')).toContainText('saved');

  await phone.close();
  await page.goto(`/phone?contact=${contact}`);
  const alert = await ringdown.post(superevent().made);
  await keys.press(page.getByRole('button', { name: 'Answer' }));
  await expect(page.locator('#device')).toContainText('This is Ringdown');
  await keys.press(page.getByRole('button', { name: '1', exact: true }));
  await expect(page.locator('#device')).toContainText(/pressed 1/);
  await keys.press(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'History' }));
  await keys.press(page.locator('main').getByRole('link', { name: 'S190425z' }).first());
  await expect(page).toHaveURL(/\/history\/about\/S190425z$/);
  await keys.press(page.locator(`a[href="/history/${alert.id}"]`).first());
  await expect(page).toHaveURL(new RegExp(alert.id));

  // What deletes, and what takes that back, is reached by keyboard like everything else.
  await page.goto('/rules');
  await keys.press(page.getByRole('button', { name: 'Delete Rare superevents' }));
  await keys.press(page.getByRole('button', { name: 'Undo deleting Rare superevents' }));
  await expect(page.locator('main')).toContainText('The rule is back');
});

test('the skip link leads past the navigation', async ({ page }) => {
  await page.goto('/help');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('by keyboard alone: a pause, another zone, another method, and the end of the account', async ({ page, context, ringdown }) => {
  test.slow();
  const keys = new Keyboard(page);
  await signIn(page);
  const contact = await verifiedPhone(page, 'text');
  await laterForCodes(ringdown);
  await page.goto('/quiet');
  await keys.to(page.getByLabel('Until', { exact: true }));
  await page.keyboard.type(evenDay().typed);
  await keys.press(page.getByRole('button', { name: 'Pause', exact: true }));
  await expect(page.locator('h1 + .lead')).toContainText('Everything is paused until');
  await keys.press(page.getByRole('button', { name: 'Resume now' }));
  await expect(page.getByRole('status').first()).toContainText('Resumed');

  await keys.type(page.getByLabel('The clock you live by'), 'Asia/Tokyo');
  await keys.press(page.getByRole('button', { name: 'Change' }));
  await expect(page.getByRole('status').first()).toContainText('Time zone changed');

  await page.goto(`/contacts/${contact}`);
  await keys.press(page.locator('summary', { hasText: 'Change how it is reached' }));
  await keys.choose(page.getByRole('group', { name: /reach you/ }), page.locator('input[name=method][value=call]'));
  await keys.press(page.getByRole('button', { name: 'Change it' }));
  await expect(page.getByRole('status').first()).toContainText('prove the new way with a code');
  const phone = await context.newPage();
  await phone.goto(`/phone?contact=${contact}`);
  await page.bringToFront();
  await keys.press(page.getByRole('button', { name: 'Call me with a code' }));
  await new Keyboard(phone).press(phone.getByRole('button', { name: 'Answer' }));
  const code = await codeSpoken(phone);
  await phone.close();
  await keys.type(page.getByLabel('The six digits'), code);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').first()).toContainText('Verified');

  await page.goto('/account');
  await keys.press(page.locator('summary', { hasText: 'Delete my account' }));
  await keys.type(page.getByLabel(/to confirm/), 'delete');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').first()).toContainText('Your account is deleted');
});
