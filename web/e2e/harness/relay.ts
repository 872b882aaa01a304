import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Proxy } from './proxy';

/** A readiness question is asked again after this long. */
const ASK_AGAIN_MS = 50;
/** A relay that isn't ready by then never will be. */
const READY_WITHIN_MS = 20_000;

/**
 * A story registers and logs in as often as it likes, from one address. The limits have tests of
 * their own; nothing else about this relay differs from one that was just installed.
 */
const CONFIGURATION = `
[limits.rates]
login_address = { per_minute = 10000, burst = 10000 }
registration_address = { per_minute = 10000, burst = 10000 }
`;

/** What one run of a relay may have that another one hasn't: its operator has edited the file. */
export type Edited = { blobBytesMax?: number };

/** A named piece of what the relay left behind: a file, its log, or the bytes of a connection. */
export type Trace = { name: string; bytes: Buffer };

/**
 * A real relay with a data directory of its own, reached through the harness's proxy. It keeps
 * directory and port over kills and restarts, as the one on a person's machine would.
 */
export class Relay {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'sotto-e2e-'));
  private readonly logFile = join(this.dataDir, '..', `${this.dataDir.split('/').at(-1)}.log`);
  private process: ChildProcess | null = null;

  private constructor(
    readonly proxy: Proxy,
    private readonly port: number,
  ) {}

  static async start(): Promise<Relay> {
    const port = await freePort();
    const relay = new Relay(await Proxy.start(port), port);
    await relay.run();
    return relay;
  }

  /** Where the browser finds it: the only origin that the relay accepts. */
  get origin(): string {
    return `http://localhost:${this.proxy.port}`;
  }

  /** Starts it (again) and waits until it says that it is ready. */
  async run({ blobBytesMax }: Edited = {}): Promise<void> {
    const binary = process.env['SOTTO_BINARY'] ?? join(import.meta.dirname, '../../../target/debug/sotto');
    const configuration = join(this.dataDir, 'sotto.toml');
    const limits = blobBytesMax === undefined ? '' : `[limits]\nblob_bytes_max = ${blobBytesMax}\n`;
    writeFileSync(configuration, limits + CONFIGURATION);
    const started = spawn(binary, ['serve'], {
      cwd: this.dataDir,
      env: {
        PATH: process.env['PATH'],
        SOTTO_CONFIG: configuration,
        SOTTO_LOG: 'trace',
        SOTTO_LISTEN: `127.0.0.1:${this.port}`,
        SOTTO_DATA_DIR: join(this.dataDir, 'data'),
        SOTTO_PUBLIC_URL: this.origin,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (bytes: Buffer) => appendFileSync(this.logFile, bytes));
    }
    await this.ready();
  }

  /** Ends it without a warning, in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Lets it finish what it has begun. */
  async drain(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Ends everything and removes what is on disk. */
  async stop(): Promise<void> {
    await this.end('SIGKILL');
    await this.proxy.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
    rmSync(this.logFile, { force: true });
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Mails that the relay has written into its outbox. */
  mails(): string[] {
    const outbox = join(this.dataDir, 'data', 'outbox');
    return readdirSync(outbox).map((name) => readFileSync(join(outbox, name), 'utf8'));
  }

  /** Every file of the data directory (database, write-ahead log, blobs, secrets) and the log. */
  traces(): Trace[] {
    const names = readdirSync(this.dataDir, { recursive: true, encoding: 'utf8' });
    const files = names.map((name) => join(this.dataDir, name)).filter((path) => statSync(path).isFile());
    return [...files, this.logFile].map((path) => ({ name: path, bytes: readFileSync(path) }));
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const running = this.process;
    this.process = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  }

  private async ready(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadline) {
      if (this.process?.exitCode !== null) break;
      const answer = await fetch(`http://127.0.0.1:${this.port}/v1/ready`).catch(() => null);
      if (answer?.ok === true) return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    throw new Error(`the relay did not become ready:\n${this.log.slice(-4000)}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
