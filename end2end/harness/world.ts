// One server for many pages, with two people who have lived a little. Made once for each worker, and looked at
// without being changed, so that whatever looks at every page does not make its world anew for each.

import { test as playwright, type Browser, type BrowserContext, type Page } from '@playwright/test';
import type { PageToSee, Who } from '../pages.ts';
import { superevent } from './packets.ts';
import { Ringdown, type Receipt } from './ringdown.ts';
import { addPhone, makeRule, signIn, verifiedPhone } from './steps.ts';
import { Watch } from './watch.ts';

type Session = Awaited<ReturnType<BrowserContext['storageState']>>;

export class World {
  /** The phone that rings. */
  contact = '';
  /** A phone whose code was not entered. */
  unverified = '';
  /** A phone that sent STOP. */
  blocked = '';
  rule = '';
  /** The alert that the phone rang for. */
  alert!: Receipt;
  readonly sessions = {} as Record<Who, Session | undefined>;
  private nights = 0;

  private constructor(readonly ringdown: Ringdown) {}

  static async make(browser: Browser): Promise<World> {
    const world = new World(await Ringdown.start());
    const live = async (who: Who, life: (page: Page) => Promise<void>): Promise<void> => {
      const context = await browser.newContext({ baseURL: world.ringdown.url });
      await life(await context.newPage());
      world.sessions[who] = await context.storageState();
      await context.close();
    };
    await live('member', (page) => world.member(page));
    await live('admin', (page) => world.admin(page));
    return world;
  }

  /** Lets the phone ring for a superevent that nothing is known of yet; all that is known of that has come then. */
  async ring(): Promise<void> {
    this.nights += 1;
    const { id } = await this.ringdown.post(superevent(`S2303${10 + this.nights}a`).made);
    const rung = { call: 'ringing', text: 'delivered' } as Record<string, string>;
    await playwright.expect(async () => {
      const { deliveries } = await this.ringdown.alert(id);
      for (const { channel, attempts } of deliveries) {
        playwright.expect(attempts[0]?.steps.map(({ step }: any) => step)).toContain(rung[channel]);
      }
    }).toPass();
  }

  private async member(page: Page): Promise<void> {
    await signIn(page);
    this.contact = await verifiedPhone(page);
    this.blocked = await verifiedPhone(page, 'text', '+44 20 7946 0958', 'Old phone');
    await page.goto(`/phone?contact=${this.blocked}`);
    await page.getByLabel('Text back').fill('STOP');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#device').getByText('STOP', { exact: true }).waitFor();
    await makeRule(page, '1 per 10 years', { name: 'Rare superevents' });
    this.rule = await ruleId(page);
    const { made, labelled } = superevent();
    this.alert = await this.ringdown.post(made);
    await this.answer(page);
    await this.ringdown.post(labelled);
    this.unverified = await addPhone(page, 'text', '+39 06 6982 1234', 'Office');
    await this.quiet(page);
  }

  /** Quiet nights that whatever is posted here breaks through, at whatever hour this runs. */
  private async quiet(page: Page): Promise<void> {
    await page.goto('/quiet');
    await page.getByRole('button', { name: 'Add a window' }).click();
    await page.getByLabel('Ring all the same if the false alarm rate is below').fill('1 per 100 years');
    await page.getByRole('button', { name: 'Save the quiet hours' }).click();
    await page.getByRole('status').filter({ hasText: 'saved' }).first().waitFor();
  }

  /** Takes the call and acknowledges. */
  private async answer(page: Page): Promise<void> {
    await page.goto(`/phone?contact=${this.contact}`);
    await page.getByRole('button', { name: 'Answer' }).click();
    await page.locator('#device').getByText(/This is Ringdown/).first().waitFor();
    await page.getByRole('button', { name: '1', exact: true }).click();
    await page.locator('#device').getByText(/pressed 1/).waitFor();
  }

  private async admin(page: Page): Promise<void> {
    await signIn(page, 'Max');
    await this.ringdown.refused('{"uid": "S230101a", "alert_type": ');
  }
}

async function ruleId(page: Page): Promise<string> {
  await page.goto('/rules');
  const href = await page.locator('a[href^="/rules/"]:not([href*="new"])').first().getAttribute('href');
  return href!.split('/')[2];
}

interface Looking {
  /** A tab of whoever may see the page, watched: any complaint of the browser fails the test. */
  tabFor: (one: PageToSee) => Promise<Page>;
}

export const test = playwright.extend<Looking, { world: World }>({
  world: [
    async ({ browser }, use) => {
      const world = await World.make(browser);
      await use(world);
      await world.ringdown.remove();
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  tabFor: async ({ browser, world }, use) => {
    const contexts: BrowserContext[] = [];
    const watches: Watch[] = [];
    await use(async (one) => {
      const { url } = world.ringdown;
      const context = await browser.newContext({ baseURL: url, storageState: world.sessions[one.who] });
      const watch = new Watch(context, url);
      if (one.complains) watch.expect(one.complains);
      contexts.push(context);
      watches.push(watch);
      return context.newPage();
    });
    for (const context of contexts) await context.close();
    playwright.expect(watches.flatMap((watch) => watch.found()), 'what went wrong in the browser').toEqual([]);
    playwright.expect(world.ringdown.log, 'the server panicked').not.toContain('panicked at');
  },
});

export const { expect } = playwright;
