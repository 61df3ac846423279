// Prints, after all tests, the numbers that they noted: weights of pages, clicks and seconds, scores.

import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';
import { test } from '@playwright/test';

const TABLES = {
  weight: 'Page weights: transferred in all, compressed, from an empty cache (at most 150 kB)',
  path: 'Clicks and seconds',
  score: 'Lighthouse',
  backtest: 'A rule tried on the past in the browser',
} as const;

/** Notes a line for one of the tables. */
export function report(table: keyof typeof TABLES, line: string): void {
  test.info().annotations.push({ type: table, description: line });
}

export default class implements Reporter {
  private readonly lines = new Map<string, string[]>();

  onTestEnd(_: TestCase, result: TestResult): void {
    for (const { type, description } of result.annotations) {
      if (!(type in TABLES) || !description) continue;
      this.lines.set(type, [...(this.lines.get(type) ?? []), description]);
    }
  }

  onEnd(_: FullResult): void {
    for (const [table, title] of Object.entries(TABLES)) {
      const lines = this.lines.get(table);
      if (lines) console.log(`\n${title}\n${lines.sort().map((line) => `  ${line}`).join('\n')}`);
    }
  }

  printsToStdio(): boolean {
    return false;
  }
}
