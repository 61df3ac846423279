// Accessibility of a page as it stands, in both themes and at the width it has or at several. A page that scrolls
// sideways, moves although its reader asked for no movement, or has two buttons that sound alike counts as a
// finding too.

import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const HEIGHT = 900;
export const WIDTHS = [320, 768, 1440];
export const SCHEMES = ['light', 'dark'] as const;

// Easily got wrong: without tags axe leaves out what WCAG 2.2 added (the size of targets).
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with every finding at once, each with the theme, the width and the elements. */
export async function expectAccessible(page: Page, widths: number[] = WIDTHS): Promise<void> {
  const before = page.viewportSize();
  const findings: string[] = [];
  for (const width of widths) {
    await page.setViewportSize({ width, height: HEIGHT });
    findings.push(...(await findingsAsItStands(page)));
  }
  if (before) await page.setViewportSize(before);
  expect(findings.join('\n')).toBe('');
}

/** What is wrong with the page in either theme at the width it has. */
export async function findingsAsItStands(page: Page): Promise<string[]> {
  const findings: string[] = [];
  const where = `${new URL(page.url()).pathname} ${page.viewportSize()?.width}`;
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
    for (const violation of violations) {
      const nodes = violation.nodes.map((node) => `\n    ${node.html}\n    ${node.failureSummary}`);
      findings.push(`${where} ${scheme}: ${violation.id}: ${violation.help}${nodes.join('')}`);
    }
  }
  const { overflow, moving, alike } = await page.evaluate(looks);
  if (overflow > 0) findings.push(`${where}: the page is ${overflow} px wider than the screen`);
  findings.push(...moving.map((what) => `${where}: moves although no movement was asked for: ${what}`));
  findings.push(...alike.map((name) => `${where}: several buttons are called “${name}”`));
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  return findings;
}

interface Looks {
  overflow: number;
  moving: string[];
  alike: string[];
}

/** Runs in the page, after axe has put itself there. */
function looks(): Looks {
  const { scrollWidth, clientWidth } = document.documentElement;
  const moving = document
    .getAnimations()
    .filter((one) => one.playState === 'running')
    .map((one) => ((one.effect as KeyframeEffect).target as Element).outerHTML.slice(0, 120));
  const axe = (window as any).axe;
  axe.setup(document.documentElement);
  const pressed = new Map<string, string>();
  const alike = new Set<string>();
  for (const one of document.querySelectorAll<HTMLButtonElement>('main button')) {
    if (!one.checkVisibility()) continue;
    const name: string = axe.commons.text.accessibleText(one);
    const does = deed(one);
    if (pressed.has(name) && pressed.get(name) !== does) alike.add(name);
    pressed.set(name, does);
  }
  axe.teardown();
  return { overflow: scrollWidth - clientWidth, moving, alike: [...alike] };

  // The same deed may be offered twice; one name may not mean two deeds.
  function deed(button: HTMLButtonElement): string {
    if (!button.form) return '';
    return `${button.form.action} ${new URLSearchParams(new FormData(button.form, button) as any)}`;
  }
}
