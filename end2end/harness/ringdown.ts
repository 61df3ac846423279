// A server for one test: the real program on a port of its own, with an empty database in a temporary folder.
// It sees none of the environment of whoever runs the tests, so no real account can be called from here.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5_000;

/** What `POST /api/v1/alerts` answers. */
export interface Receipt {
  id: string;
  duplicate: boolean;
  deliveries: number;
}

export class Ringdown {
  /** Everything the program printed, for the report of a test that failed. */
  log = '';
  /** How the program ended although nobody asked it to, if it did. */
  lost = '';
  private child: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly url: string,
    readonly token: string,
    private readonly extra: Record<string, string>,
  ) {}

  /** Brings a server up and waits until it is ready. `extra` adds to its environment. */
  static async start(extra: Record<string, string> = {}): Promise<Ringdown> {
    for (let tries = 3; ; tries -= 1) {
      const folder = await mkdtemp(join(tmpdir(), 'ringdown-journey-'));
      const url = `http://127.0.0.1:${await freePort()}`;
      const ringdown = new Ringdown(folder, url, 'token-of-this-journey-only', extra);
      try {
        await ringdown.up();
        return ringdown;
      } catch (error) {
        await ringdown.remove();
        // Another test was given the same port before this one listened.
        if (tries === 1 || !/address already in use/i.test(ringdown.log)) throw error;
      }
    }
  }

  /** Starts the program, again on the same database if it ran before. */
  async up(): Promise<void> {
    const child = spawn(program(), ['serve'], {
      cwd: this.folder,
      env: this.environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.on('error', (error) => (this.log += `${error}\n`));
    child.on('exit', (status, signal) => {
      if (this.child === child) this.lost = `the server ended by itself: status ${status}, signal ${signal}`;
    });
    child.stdout.on('data', (chunk) => (this.log += chunk));
    child.stderr.on('data', (chunk) => (this.log += chunk));
    this.child = child;
    await this.ready(this.log.length);
  }

  /** Stops the program. With `SIGKILL` it gets no chance to tidy up. */
  async down(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || ended(child)) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(insist);
  }

  /** Stops the program and deletes its data. */
  async remove(): Promise<void> {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Sends a packet as GraceDB does. */
  async post(packet: unknown): Promise<Receipt> {
    return this.machine('POST', '/api/v1/alerts', packet);
  }

  /** Sends what is no packet; it must be refused. */
  async refused(body: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.url}/api/v1/alerts`, { method: 'POST', headers, body });
    if (answer.status !== 400) throw new Error(`${body} was answered ${answer.status}`);
  }

  /** The alert as understood, with its deliveries and attempts. */
  async alert(id: string): Promise<any> {
    return this.machine('GET', `/api/v1/alerts/${id}`);
  }

  /** Runs another command of the program on the same database: `import`, `token`, `member`. */
  async command(...words: string[]): Promise<string> {
    const child = spawn(program(), words, { cwd: this.folder, env: this.environment() });
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (said += chunk));
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`ringdown ${words.join(' ')} ended with ${status}:\n${said}`);
    return said;
  }

  /**
   * Changes the database beside the running program. Only for what no door offers: making something old without
   * waiting for it to become old.
   */
  async sql(statement: string): Promise<void> {
    const database = join(this.folder, 'ringdown.db');
    const child = spawn('sqlite3', ['-bail', '-cmd', '.timeout 5000', database, statement]);
    let said = '';
    child.on('error', (error) => (said += error));
    child.stderr.on('data', (chunk) => (said += chunk));
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`${statement} ended with ${status}:\n${said}`);
  }

  /** Writes a file that `command` can name. */
  async file(name: string, content: unknown): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  private async machine(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  }

  private environment(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: this.folder,
      LEPTOS_SITE_ROOT: resolve(named('LEPTOS_SITE_ROOT')),
      RINGDOWN_LISTEN: new URL(this.url).host,
      RINGDOWN_PUBLIC_URL: this.url,
      RINGDOWN_DATABASE_URL: `sqlite://${join(this.folder, 'ringdown.db')}`,
      RINGDOWN_INGEST_TOKEN: this.token,
      ...this.extra,
    };
  }

  /** Waits for the program that has logged `before` characters less; another may have been given the same port. */
  private async ready(before: number): Promise<void> {
    const limit = Date.now() + START_LIMIT_MS;
    while (Date.now() < limit) {
      if (!this.child || ended(this.child)) break;
      const isUp = this.log.includes('ringdown is up', before);
      const answer = isUp ? await fetch(`${this.url}/readyz`).catch(() => undefined) : undefined;
      if (answer?.ok) return;
      await new Promise((wake) => setTimeout(wake, 25));
    }
    throw new Error(`ringdown serve did not become ready:\n${this.log}`);
  }
}

function ended(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function program(): string {
  return resolve(named('RINGDOWN_BIN'));
}

function named(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set; run the journeys by "make test-browser"`);
  return value;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
