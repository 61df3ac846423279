// What Lighthouse thinks of the pages that members look at most, on the middling phone and the slow network that it
// pretends to have.
//
// Easily got wrong: it measures time, so it runs when nothing else does (scripts/test runs it after the journeys).

import { chromium } from '@playwright/test';
import lighthouse, { type Flags } from 'lighthouse';
import { report } from '../harness/report.ts';
import { freePort } from '../harness/ringdown.ts';
import { expect, test } from '../harness/world.ts';

const LEAST = 95;
const SEEN = [
  { name: 'home', path: '/' },
  { name: 'rules', path: '/rules' },
  { name: 'history', path: '/history' },
];
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;

type Scores = Record<(typeof CATEGORIES)[number], number>;

for (const { name, path } of SEEN) {
  test(`Lighthouse on ${name}`, async ({ world, launchOptions }) => {
    test.setTimeout(300_000);
    const port = await freePort();
    const browser = await chromium.launch({
      ...launchOptions,
      args: [...(launchOptions.args ?? []), `--remote-debugging-port=${port}`],
    });
    try {
      const url = world.ringdown.url + path;
      const cookie = world.sessions.member!.cookies.map((one) => `${one.name}=${one.value}`).join('; ');
      // What is judged is what a member sees, not the way in.
      expect(await (await fetch(url, { headers: { cookie } })).text()).toContain('Sign out');
      const look = (): Promise<Looked> => lookAt(url, port, cookie);
      const looks = [await look()];
      // Other work on the machine slows a page down and never speeds it up, so a good score stands; a bad one is
      // believed as the median of three.
      while (looks.length < 3 && looks[0].scores.performance < LEAST) looks.push(await look());
      const performance = median(looks.map((one) => one.scores.performance));
      const { accessibility, 'best-practices': practices } = looks[0].scores;
      const runs = looks.length > 1 ? `, median of ${looks.map((one) => one.scores.performance).join(' ')}` : '';
      report(
        'score',
        `${name.padEnd(10)} performance ${performance}${runs}, accessibility ${accessibility}, best practices ${practices}`,
      );
      const wanting = looks[0].wanting.join('\n');
      expect(accessibility, wanting).toBeGreaterThanOrEqual(LEAST);
      expect(practices, wanting).toBeGreaterThanOrEqual(LEAST);
      expect(performance, wanting).toBeGreaterThanOrEqual(LEAST);
    } finally {
      await browser.close();
    }
  });
}

interface Looked {
  scores: Scores;
  /** What took away from the scores. */
  wanting: string[];
}

async function lookAt(url: string, port: number, cookie: string): Promise<Looked> {
  const flags: Flags = {
    port,
    output: 'json',
    logLevel: 'error',
    onlyCategories: [...CATEGORIES],
    extraHeaders: { Cookie: cookie },
  };
  const { lhr } = (await lighthouse(url, flags))!;
  expect(lhr.runtimeError).toBeUndefined();
  expect(lhr.finalDisplayedUrl).toBe(url);
  const scores = {} as Scores;
  for (const one of CATEGORIES) scores[one] = Math.round((lhr.categories[one].score ?? 0) * 100);
  const wanting = Object.values(lhr.audits)
    .filter((audit) => audit.score !== null && audit.score < 0.9 && audit.scoreDisplayMode !== 'informative')
    .map((audit) => `${audit.id}: ${audit.title} ${audit.displayValue ?? ''}`);
  return { scores, wanting };
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
