import { CoreError } from '../calls';
import type { CoreEvent, OwnProfile } from '../calls';
import type { Store } from '../store';
import { RelaySocket, getBlob, putBlob, send } from '../transport';
import type { Engine, EngineModule } from './engine';
import { Transfers } from './files';
import { CoreLoop } from './loop';

export type OpenCorePorts = {
  event(event: CoreEvent): void;
  /** It can't go on; its owner ends it. */
  failed(error: unknown): void;
  saved(): void;
};

/** The core of one store, with the socket and the transfers that hang on it. */
export class OpenCore {
  readonly loop: CoreLoop;
  readonly transfers: Transfers;
  readonly #socket: RelaySocket;

  private constructor(engine: Engine, module: EngineModule, store: Store, ports: OpenCorePorts) {
    this.loop = new CoreLoop(engine, {
      save: async (changes) => store.save(changes).then(ports.saved),
      load: async (load) => store.load(load),
      request: async (request) => send(request, request.bearer ? engine.accessToken() : undefined),
      transmit: (transmit) => this.#socket.transmit(transmit),
      event: (event) => {
        ports.event(event);
        if (event.type === 'connectionChanged' && event.connection.state === 'online') this.transfers.wake();
      },
      failed: ports.failed,
      now: Date.now,
    });
    this.transfers = new Transfers({
      loop: this.loop,
      limits: module.limits(),
      put: putBlob,
      get: getBlob,
      refusal: module.refusal,
      event: ports.event,
      failed: ports.failed,
    });
    const { loop } = this;
    const inputs = {
      opened: () => ignore(loop.input((core, now) => core.handleSocketOpened(now))),
      closed: (code: number | null) => ignore(loop.input((core, now) => core.handleSocketClosed(code ?? undefined, now))),
      frame: async (bytes: Uint8Array) => loop.input((core, now) => core.handleFrame(bytes, now)),
    };
    this.#socket = new RelaySocket(inputs, location.origin);
  }

  /** Opens the core over what the store holds. The store key goes into wasm and is gone from here. */
  static async open(store: Store, module: EngineModule, ports: OpenCorePorts): Promise<OpenCore> {
    const records = await store.loadAll(module.bootPrefixes());
    const storeKey = await store.storeKey();
    try {
      return new OpenCore(module.open(storeKey, records, Date.now()), module, store, ports);
    } finally {
      storeKey.fill(0);
    }
  }

  /** Null: no account in this store. */
  async profile(): Promise<OwnProfile | null> {
    return this.loop.call((engine) => engine.profile());
  }

  /** Reconnects now, or stops trying where the browser says that there is no network. */
  async connect(): Promise<void> {
    await this.loop.call((engine, now) => (navigator.onLine ? engine.connect(now) : engine.goOffline(now)));
    if (navigator.onLine) this.transfers.wake();
  }

  end(error: CoreError): void {
    this.loop.end(error);
    this.transfers.stop();
    this.#socket.close();
  }
}

/** After the end of the loop nobody waits for what a late input does. */
function ignore(input: Promise<void>): void {
  input.catch(() => {});
}
