// Counts what a person does on the way to something: presses, keys, pages, seconds.
//
// The machine's seconds say how long the product kept somebody waiting. How long the person takes is estimated by
// the keystroke-level model (Card, Moran and Newell, 1980), which is what such estimates are usually made by.

import type { BrowserContext, Page } from '@playwright/test';

/** Seconds: a key by an average typist, pointing and pressing, making up one's mind. */
const KEY = 0.28;
const PRESS = 1.1 + 0.1;
const MIND = 1.35;

export class Count {
  private presses = 0;
  private keys = 0;
  /** Fields gone to: each takes a thought before its first key. */
  private fields = 0;
  private readonly began = Date.now();
  /** Each page that was shown, in order; the same one again, with something said on it, is the same page. */
  readonly pages: string[] = [];

  private constructor() {}

  /** Counts in this page alone; what happens in other tabs is the phone in the other hand. */
  static async in(page: Page): Promise<Count> {
    const count = new Count();
    await page.exposeFunction('countPress', () => (count.presses += 1));
    await page.exposeFunction('countKey', () => (count.keys += 1));
    await page.exposeFunction('countField', () => (count.fields += 1));
    await page.addInitScript(() => {
      const { countPress, countKey, countField } = window as any;
      addEventListener('pointerdown', () => countPress(), true);
      addEventListener('keydown', () => countKey(), true);
      addEventListener('focusin', (event) => (event.target as Element).matches('input:not([type=radio],[type=checkbox])') && countField(), true);
    });
    page.on('framenavigated', (frame) => {
      if (frame !== page.mainFrame()) return;
      const { pathname } = new URL(frame.url());
      const place = pathname.replace(/[0-9a-f-]{36}/, ':id');
      if (place !== count.pages.at(-1)) count.pages.push(place);
    });
    return count;
  }

  /** What came of it; the person's seconds are without those of the machine. */
  done(): { presses: number; keys: number; machine: number; person: number } {
    const machine = (Date.now() - this.began) / 1000;
    const person = this.presses * (PRESS + MIND) + this.fields * MIND + this.keys * KEY;
    return { presses: this.presses, keys: this.keys, machine, person };
  }
}
