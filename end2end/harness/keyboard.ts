// A journey without a mouse. Every stop of the focus must be seen: inside the window, and drawn differently from
// the same element without focus.

import { expect, type Locator, type Page } from '@playwright/test';

/** More stops than any page has. */
const MOST_STOPS = 150;

export class Keyboard {
  constructor(private readonly page: Page) {}

  /** Presses Tab until `target` has the focus, looking at every stop on the way. */
  async to(target: Locator): Promise<void> {
    await expect(target).toBeVisible();
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
      expect(await this.page.evaluate(unseenFocus), 'the focus is not seen').toBe('');
    }
    throw new Error(`${target} was not reached by ${MOST_STOPS} presses of Tab`);
  }

  /** Goes there and presses Enter, as on a button or a link. */
  async press(target: Locator): Promise<void> {
    await this.to(target);
    await this.page.keyboard.press('Enter');
  }

  /** Goes to a tick and sets it. */
  async tick(target: Locator): Promise<void> {
    await this.to(target);
    await this.page.keyboard.press('Space');
    await expect(target).toBeChecked();
  }

  /** Goes to a group of radios and chooses by the arrows, as browsers have it. */
  async choose(group: Locator, choice: Locator): Promise<void> {
    const first = group.getByRole('radio').first();
    const chosen = group.getByRole('radio', { checked: true });
    await this.to((await chosen.count()) > 0 ? chosen : first);
    await this.page.keyboard.press('Space');
    const count = await group.getByRole('radio').count();
    for (let i = 0; i < count && !(await choice.isChecked()); i += 1) await this.page.keyboard.press('ArrowDown');
    await expect(choice).toBeChecked();
  }

  /** Goes to a field and types over what is in it. */
  async type(target: Locator, words: string): Promise<void> {
    await this.to(target);
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.type(words);
  }
}

/** Why the focus is not seen, or nothing. Runs in the page. */
function unseenFocus(): string {
  const element = document.activeElement as HTMLElement | null;
  if (!element || element === document.body) return '';
  const what = element.outerHTML.slice(0, 160);
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0) return `it has no size: ${what}`;
  if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) {
    return `it is outside the window: ${what}`;
  }
  // A control may show its focus on the row around it.
  for (let one: HTMLElement | null = element, up = 0; one && up < 3; one = one.parentElement, up += 1) {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    if (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) return '';
    if (up === 0 && boxShadow !== 'none') return '';
  }
  return `nothing is drawn round it: ${what}`;
}
