// Every page as nobody should find it wanting: in both themes and at three widths it has no accessibility finding,
// fits the screen, stands still while it comes over a slow network and afterwards, and is light enough for a phone's.

import { WIDTHS, findingsAsItStands } from '../harness/axe.ts';
import { report } from '../harness/report.ts';
import { Visitor } from '../harness/visit.ts';
import { expect, test } from '../harness/world.ts';
import { PAGES } from '../pages.ts';

const MOST_BYTES = 150_000;

for (const one of PAGES) {
  test(`the page ${one.name}`, async ({ world, tabFor }) => {
    const page = await tabFor(one);
    const visitor = await Visitor.at(page);
    const path = await one.path(world);
    const findings: string[] = [];
    // The first load is the one with an empty cache.
    const { bytes } = await visitor.visit(path);
    report('weight', `${one.name.padEnd(20)} ${(bytes / 1000).toFixed(1).padStart(6)} kB`);
    if (bytes > MOST_BYTES) findings.push(`${bytes} bytes are transferred, ${MOST_BYTES} at most should be`);
    await visitor.slowly();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const { shift, shifted } = await visitor.visit(path);
      // A hair is no movement that anybody sees.
      if (shift > 0.001) findings.push(`${width}: shifted by ${shift.toFixed(4)}: ${shifted.join('; ')}`);
      findings.push(...(await findingsAsItStands(page)));
    }
    expect(findings.join('\n')).toBe('');
  });
}
