// How long a change in the rule form takes until the page says what the rule would have done: the browser judges every
// known superevent again. Measured from the keystroke to the last change of the page that follows it.

import { signIn } from '../harness/steps.ts';
import { report } from '../harness/report.ts';
import { expect, test } from '../harness/test.ts';

const CHANGES = 40;

test('the back-test in the browser', async ({ page }) => {
  await signIn(page);
  await page.goto('/rules/new');
  await expect(page.locator('#past-said')).toContainText('of 137');
  await page.getByLabel('False alarm rate below').fill('1 per 7 years');
  await expect(page.locator('#past-said')).not.toContainText('137 of 137');
  const times = await page.evaluate(async (changes: number) => {
    const field = document.querySelector<HTMLInputElement>('input[name="far"]');
    const said = document.querySelector('#past');
    if (!field || !said) throw new Error('the form has changed');
    const times: number[] = [];
    for (let n = 0; n < changes; n++) {
      const began = performance.now();
      const told = new Promise<number>((resolve) => {
        const watch = new MutationObserver(() => {
          watch.disconnect();
          resolve(performance.now() - began);
        });
        watch.observe(said, { childList: true, subtree: true, characterData: true });
      });
      field.value = n % 2 ? '1 per 2 years' : '1 per 1000 years';
      field.dispatchEvent(new Event('input', { bubbles: true }));
      times.push(await told);
    }
    return times.sort((a, b) => a - b);
  }, CHANGES);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1);
  report('backtest', `137 superevents, ${CHANGES} changes: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (aim 50 ms)`);
});
