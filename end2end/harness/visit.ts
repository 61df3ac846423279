// One load of a page, measured: what it weighs on the wire and how much of it moved while it came.
//
// Easily got wrong: islands wake and live pages fetch themselves once more after `load`. What they weigh and what
// they push about counts, so a visit ends when the page has come to rest, not when it has loaded.

import type { CDPSession, Page } from '@playwright/test';

/** Without anything new for this long, a page is at rest. */
const REST_MS = 250;
/** Bytes a second of a slow network: a page comes in pieces, each of which may be painted. */
const SLOW = 25_000;

export interface Visit {
  /** Bytes that came over the wire, compressed, headers included. */
  bytes: number;
  /** What moved, as Chromium's layout shift score counts it. Nothing should. */
  shift: number;
  /** The elements that moved. */
  shifted: string[];
}

/** Opens pages in one tab and measures each load. Make it before the first. */
export class Visitor {
  private bytes = 0;
  private open = new Map<string, number>();

  private constructor(
    private readonly page: Page,
    private readonly network: CDPSession,
  ) {
    network.on('Network.dataReceived', ({ requestId, encodedDataLength }) => {
      this.open.set(requestId, (this.open.get(requestId) ?? 0) + encodedDataLength);
    });
    network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      this.open.delete(requestId);
      this.bytes += encodedDataLength;
    });
  }

  static async at(page: Page): Promise<Visitor> {
    await page.addInitScript(watchShifts);
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    return new Visitor(page, network);
  }

  /** From now on all comes over a slow network. */
  async slowly(): Promise<void> {
    const conditions = { offline: false, latency: 0, downloadThroughput: SLOW, uploadThroughput: -1 };
    await this.network.send('Network.emulateNetworkConditions', conditions);
  }

  async visit(path: string): Promise<Visit> {
    this.bytes = 0;
    this.open.clear();
    await this.page.goto(path);
    await settled(this.page);
    const { sum, moved } = await this.page.evaluate(() => (window as any).shifts);
    // The stream of news never finishes; what it has brought counts all the same.
    const streaming = [...this.open.values()].reduce((all, one) => all + one, 0);
    return { bytes: this.bytes + streaming, shift: sum, shifted: moved };
  }
}

/** Waits until the page has what it asks for, its islands are awake and it is at rest. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('load');
  await page.waitForFunction(atRest, REST_MS, { polling: 50 });
}

function atRest(forMs: number): boolean {
  const came = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
  const scripted = document.querySelector('leptos-island') !== null;
  const woken = !scripted || came.some((one) => one.name.includes('.wasm'));
  // Only whoever is signed in hears of news, and then fetches the page once more at the start.
  const live = scripted && document.querySelector('[data-live]') !== null;
  const renewed = !live || came.some((one) => one.initiatorType === 'fetch' && one.name === location.href);
  const rest = ((window as any).rest ??= { count: -1, since: 0 });
  if (rest.count !== came.length) {
    rest.count = came.length;
    rest.since = performance.now();
  }
  return woken && renewed && performance.now() - rest.since >= forMs;
}

function watchShifts(): void {
  const shifts = { sum: 0, moved: [] as string[] };
  (window as any).shifts = shifts;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as any[]) {
      shifts.sum += entry.value;
      for (const { node, previousRect: from, currentRect: to } of entry.sources) {
        const by = `${Math.round(to.x - from.x)}, ${Math.round(to.y - from.y)}`;
        const what = node?.outerHTML?.slice(0, 100) ?? node?.textContent?.slice(0, 60) ?? 'gone';
        shifts.moved.push(`by ${by} px at ${Math.round(entry.startTime)} ms: ${what}`);
      }
    }
  }).observe({ type: 'layout-shift', buffered: true });
}
