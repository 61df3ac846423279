// Every page there is, for what looks at all of them: pictures and accessibility.

import type { Page } from '@playwright/test';
import { superevent } from './harness/packets.ts';
import type { Ringdown } from './harness/ringdown.ts';
import { addPhone, makeRule, signIn, verifiedPhone } from './harness/steps.ts';

export interface PageToSee {
  /** The name of its picture. */
  name: string;
  path: string;
}

/** What a visitor sees who is not signed in. */
export const OUTSIDE: PageToSee[] = [
  { name: 'welcome', path: '/' },
  { name: 'sign-in', path: '/sign-in' },
  { name: 'help', path: '/help' },
  { name: 'lost', path: '/nothing-here' },
];

/** Signs in, lives a little (a phone, a rule, an alert that rings), and tells what there is to see then. */
export async function inside(page: Page, ringdown: Ringdown): Promise<PageToSee[]> {
  await signIn(page);
  const contact = await verifiedPhone(page);
  await makeRule(page, '1 per 10 years');
  const { made, labelled } = superevent();
  await ringdown.post(labelled);
  const alert = await ringdown.post(made);
  const unverified = await addPhone(page, 'text', '+39 06 6982 1234');
  const rule = await ruleId(page);
  return [
    { name: 'home', path: '/' },
    { name: 'contacts', path: '/contacts' },
    { name: 'contact-new', path: '/contacts/new' },
    { name: 'contact', path: `/contacts/${contact}` },
    { name: 'contact-unverified', path: `/contacts/${unverified}` },
    { name: 'rules', path: '/rules' },
    { name: 'rule-new', path: '/rules/new' },
    { name: 'rule', path: `/rules/${rule}` },
    { name: 'history', path: '/history' },
    { name: 'story', path: `/history/${alert.id}` },
    { name: 'phone-ringing', path: `/phone?contact=${contact}` },
    { name: 'phone', path: `/phone?contact=${unverified}` },
  ];
}

/** Signs in as the admin instead, with something to look after. */
export async function admin(page: Page, ringdown: Ringdown): Promise<PageToSee[]> {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, 'Max');
  await ringdown.refused('{"uid": "S230101a", "alert_type": ');
  return [
    { name: 'admin', path: '/admin' },
    { name: 'names', path: '/admin/names' },
  ];
}

async function ruleId(page: Page): Promise<string> {
  await page.goto('/rules');
  const href = await page.locator('a[href^="/rules/"]:not([href*="new"])').first().getAttribute('href');
  return href!.split('/')[2];
}
