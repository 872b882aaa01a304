import { CoreError } from '../calls';
import type { BootState, CoreEvent } from '../calls';
import { Store } from '../store';
import { knowsSession } from '../transport';
import type { EngineModule } from './engine';
import { sessionProbeMs } from './limits';
import { acquireLock } from './lock';
import type { Lock } from './lock';
import { OpenCore } from './open-core';

type Ownership = { lock: Lock; store: Store; core: OpenCore };

/**
 * Owns the store, or doesn't: one tab at a time holds the lock, raised the store's fence, and runs
 * the core. Taking over, stopping, leaving the account and starting anew after a failed save happen
 * here, one after the other.
 */
export class Host {
  readonly #module: Promise<EngineModule>;
  readonly #emit: (event: CoreEvent) => void;
  #owned: Ownership | null = null;
  #step: Promise<unknown> = Promise.resolve();
  #savedSinceOpen = false;

  constructor(module: Promise<EngineModule>, emit: (event: CoreEvent) => void) {
    this.#module = module;
    this.#emit = emit;
  }

  async boot(): Promise<BootState> {
    return this.#begin('wait');
  }

  async takeOver(): Promise<BootState> {
    return this.#begin('steal');
  }

  /** The running core; waits while one is being opened. */
  async core(): Promise<OpenCore> {
    await this.#step;
    if (!this.#owned) throw new CoreError('takenOver');
    return this.#owned.core;
  }

  /** The network, or the person's eye, is back; or the network is gone. */
  async reconnect(): Promise<void> {
    await this.#step;
    await this.#owned?.core.connect();
  }

  /** K-7: the relay revokes this device, then the store is wiped; fails, and changes nothing, when the relay can't be told. */
  async logOut(): Promise<void> {
    const core = await this.core();
    if (!navigator.onLine) throw new CoreError('offline');
    await core.loop.command((engine, now) => engine.logOut(now));
    await this.#leave(core, 'loggedOut');
  }

  /** Wipes the store without telling the relay. */
  async forget(): Promise<void> {
    await this.#leave(await this.core(), 'loggedOut');
  }

  async #begin(how: 'wait' | 'steal'): Promise<BootState> {
    const state = await this.#alone(async () => this.#owned ? this.#state(this.#owned) : this.#own(how));
    // The page starts from the answer; the first event about the connection belongs behind it.
    setTimeout(() => this.reconnect().catch(() => {}));
    return state;
  }

  async #own(how: 'wait' | 'steal'): Promise<BootState> {
    const module = await this.#module;
    const limits = module.limits();
    const lock = await acquireLock(how, () => this.#stop());
    if (!lock) return { state: 'otherTab', limits };
    try {
      const store = await Store.claim();
      const fresh = (await store.isEmpty()) && !(await store.wasLoggedOut());
      const cleared = fresh && (await knowsSession(sessionProbeMs));
      this.#owned = { lock, store, core: await this.#open(store) };
      return cleared ? { state: 'storeCleared', limits } : await this.#state(this.#owned);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async #open(store: Store): Promise<OpenCore> {
    const module = await this.#module;
    const core: OpenCore = await OpenCore.open(store, module, {
      event: (event) => this.#heard(core, event),
      failed: (error) => this.#failed(core, error),
      saved: () => (this.#savedSinceOpen = true),
    });
    return core;
  }

  async #state({ core }: Ownership): Promise<BootState> {
    const limits = (await this.#module).limits();
    const profile = await core.profile();
    return profile ? { state: 'ready', profile, limits } : { state: 'fresh', limits };
  }

  #heard(core: OpenCore, event: CoreEvent): void {
    if (event.type === 'signedOut') void this.#leave(core, event.reason);
    else if (event.type === 'fatal') this.#die(event);
    else this.#emit(event);
  }

  #failed(core: OpenCore, error: unknown): void {
    if (!(error instanceof CoreError)) return this.#die({ type: 'fatal', code: 'coreDied' });
    if (error.code === 'takenOver') return this.#stop();
    // What was not saved was not sent and not shown: the store still says how things are.
    if (error.code === 'storeFailed' && this.#savedSinceOpen) void this.#restart(core);
    else this.#die({ type: 'fatal', code: error.code });
  }

  async #restart(core: OpenCore): Promise<void> {
    this.#savedSinceOpen = false;
    core.end(new CoreError('storeFailed'));
    await this.#alone(async () => {
      if (this.#owned?.core === core) this.#owned.core = await this.#open(this.#owned.store);
    }).catch((error: unknown) => this.#failed(core, error));
    await this.reconnect().catch(() => {});
  }

  /** The device is out: nothing of it stays here, and the page may start anew. */
  async #leave(core: OpenCore, reason: 'loggedOut' | 'revoked' | 'deleted'): Promise<void> {
    core.end(new CoreError('signedOut'));
    await this.#alone(async () => {
      const owned = this.#owned;
      if (owned?.core !== core) return;
      await owned.store.wipe();
      owned.core = await this.#open(owned.store);
      this.#emit({ type: 'signedOut', reason });
    }).catch((error: unknown) => this.#failed(core, error));
  }

  /** Another tab owns the store now. */
  #stop(): void {
    const owned = this.#owned;
    if (!owned) return;
    this.#owned = null;
    owned.core.end(new CoreError('takenOver'));
    owned.store.close();
    owned.lock.release();
    this.#emit({ type: 'takenOver' });
  }

  #die(event: Extract<CoreEvent, { type: 'fatal' }>): void {
    this.#owned?.core.end(new CoreError('coreDied'));
    this.#emit(event);
  }

  async #alone<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#step.then(step, step);
    this.#step = result.catch(() => {});
    return result;
  }
}
