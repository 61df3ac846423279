// Looks over the browser's shoulder. A page may look right and yet have an island that did not wake, a file that
// is missing, or a request that leaves the machine: each of these fails the test, without the test asking.

import type { BrowserContext } from '@playwright/test';

// Chromium says this of what a page will need a moment later.
const HARMLESS = [/was preloaded using link preload but not used/];

export class Watch {
  private readonly problems: string[] = [];
  private readonly expected: RegExp[] = [...HARMLESS];

  constructor(context: BrowserContext, home: string) {
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.note(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    context.on('weberror', (error) => this.note(`page error: ${error.error().message}`));
    context.on('request', (request) => {
      if (!request.url().startsWith(home) && /^(https?|wss?):/.test(request.url())) {
        this.note(`left the machine: ${request.method()} ${request.url()}`);
      }
    });
    context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? 'unknown';
      // A page that is left takes its open requests with it.
      if (reason !== 'net::ERR_ABORTED') this.note(`failed: ${request.method()} ${request.url()} ${reason}`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) {
        this.note(`answered ${response.status()}: ${response.request().method()} ${response.url()}`);
      }
    });
  }

  /** Declares a problem that this test provokes. Say it before it happens. */
  expect(...patterns: RegExp[]): void {
    this.expected.push(...patterns);
  }

  /** What nobody expected. */
  found(): string[] {
    return this.problems;
  }

  private note(problem: string): void {
    if (!this.expected.some((pattern) => pattern.test(problem))) this.problems.push(problem);
  }
}
