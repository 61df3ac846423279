// Accessibility of a page as it stands, in both themes and at three widths. A page that scrolls sideways on a
// phone counts as a finding too.

import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const HEIGHT = 900;
export const WIDTHS = [320, 768, 1440];
export const SCHEMES = ['light', 'dark'] as const;

/** Fails with every finding at once, each with the theme, the width and the elements. */
export async function expectAccessible(page: Page, widths: number[] = WIDTHS): Promise<void> {
  const before = page.viewportSize();
  const findings: string[] = [];
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const width of widths) {
      await page.setViewportSize({ width, height: HEIGHT });
      const where = `${new URL(page.url()).pathname} ${scheme} ${width}`;
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const violation of violations) {
        const nodes = violation.nodes.map((node) => `\n    ${node.html}\n    ${node.failureSummary}`);
        findings.push(`${where}: ${violation.id}: ${violation.help}${nodes.join('')}`);
      }
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (overflow > 0) findings.push(`${where}: the page is ${overflow} px wider than the screen`);
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (before) await page.setViewportSize(before);
  expect(findings.join('\n')).toBe('');
}
