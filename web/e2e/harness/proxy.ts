import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** One connection that went through, with every byte of both directions. */
export type Recording = { toRelay: Buffer[]; toBrowser: Buffer[] };

/**
 * Stands between the browser and the relay. Playwright can't see a worker's sockets, so what went
 * over the wire is recorded here, and here the wire is cut and slowed.
 */
export class Proxy {
  readonly recordings: Recording[] = [];
  private readonly open = new Set<Socket>();
  private isCut = false;
  private delayMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly relayPort: number,
  ) {}

  static async start(relayPort: number): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, relayPort);
    server.on('connection', (browser) => proxy.join(browser));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Every connection ends at once, and new ones are refused, as when a network goes away. */
  cut(): void {
    this.isCut = true;
    this.open.forEach((socket) => socket.destroy());
  }

  restore(): void {
    this.isCut = false;
  }

  /** Every piece of data is held back that long, each way, in order. */
  delay(milliseconds: number): void {
    this.delayMs = milliseconds;
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(browser: Socket): void {
    if (this.isCut) {
      browser.destroy();
      return;
    }
    const relay = connect(this.relayPort, '127.0.0.1');
    const recording: Recording = { toRelay: [], toBrowser: [] };
    this.recordings.push(recording);
    this.pass(browser, relay, recording.toRelay);
    this.pass(relay, browser, recording.toBrowser);
  }

  private pass(from: Socket, to: Socket, record: Buffer[]): void {
    this.open.add(from);
    from.setNoDelay(true);
    // Nothing overtakes what was held back before it, not even after the delay was lowered.
    let due = 0;
    const later = (act: () => void) => {
      const now = performance.now();
      due = Math.max(due, now + this.delayMs);
      if (due > now) setTimeout(act, due - now);
      else act();
    };
    from.on('data', (bytes: Buffer) => {
      record.push(bytes);
      later(() => {
        if (to.writable && !to.write(bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    });
    from.on('end', () => later(() => to.end()));
    // A reset of one side is a reset of both; neither is a fault of the test.
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.open.delete(from);
      later(() => to.destroy());
    });
  }
}
