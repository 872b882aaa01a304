import { CoreError } from '../calls';
import type { BootState, CoreEvent } from '../calls';
import { Store } from '../store';
import { keepingOfStore } from '../store-key';
import { endSession, knowsSession } from '../transport';
import type { EngineModule } from './engine';
import { sessionProbeMs } from './limits';
import { acquireLock } from './lock';
import type { Lock } from './lock';
import { OpenCore } from './open-core';
import { lockStore, unlockedKey } from './store-lock';

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

  async unlock(passphrase: string): Promise<BootState> {
    const module = await this.#module;
    return this.#begin('steal', async () => unlockedKey(module, passphrase));
  }

  /** Sets or changes the lock of the store. */
  async setLock(passphrase: string, current: string | null): Promise<void> {
    const module = await this.#module;
    await this.#owning(async (owned) => {
      const key = current === null ? null : await unlockedKey(module, current);
      key?.fill(0);
      if (!key && (await keepingOfStore()) === 'passphrase') throw new CoreError('misuse');
      // The core writes under the old key: it ends before, and another one begins after, whichever key it is then.
      owned.core.end(new CoreError('outOfSync'));
      try {
        await lockStore(module, owned.store, passphrase);
      } finally {
        owned.core = await this.#open(owned.store);
      }
    });
    await this.reconnect();
  }

  async removeLock(current: string): Promise<void> {
    const module = await this.#module;
    await this.#owning(async ({ store }) => {
      const key = await unlockedKey(module, current);
      if (!key) throw new CoreError('misuse');
      key.fill(0);
      await store.keepInBrowser();
    });
  }

  /** Where the store key will be while no tab is open; only before there is an account. */
  async chooseKeeping(keeping: 'browser' | 'memory'): Promise<void> {
    await this.#owning(async (owned) => {
      if ((await keepingOfStore()) === keeping) return;
      if (await owned.core.profile()) throw new CoreError('misuse');
      owned.core.end(new CoreError('cancelled'));
      if (keeping === 'memory') await owned.store.beginInMemory();
      else await owned.store.keepInBrowser();
      owned.core = await this.#open(owned.store);
    });
    await this.reconnect();
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
    if (!this.#owned && (await keepingOfStore()) === 'passphrase') return this.#leaveLocked('told');
    const core = await this.core();
    if (!navigator.onLine) throw new CoreError('offline');
    await core.loop.command((engine, now) => engine.logOut(now));
    await this.#leave(core, 'loggedOut');
  }

  /** Wipes the store without telling the relay. */
  async forget(): Promise<void> {
    if (!this.#owned && (await keepingOfStore()) === 'passphrase') return this.#leaveLocked('untold');
    await this.#leave(await this.core(), 'loggedOut');
  }

  async #begin(how: 'wait' | 'steal', bringKey?: () => Promise<Uint8Array | null>): Promise<BootState> {
    const state = await this.#alone(async () => this.#owned ? this.#state(this.#owned) : this.#own(how, bringKey));
    // The page starts from the answer; the first event about the connection belongs behind it.
    setTimeout(() => this.reconnect().catch(() => {}));
    return state;
  }

  async #own(how: 'wait' | 'steal', bringKey?: () => Promise<Uint8Array | null>): Promise<BootState> {
    const limits = (await this.#module).limits();
    const key = (await bringKey?.()) ?? null;
    try {
      const keeping = await keepingOfStore();
      if (keeping === 'passphrase' && !key) return { state: 'locked', limits };
      // What is in the memory of a tab can't be carried over: that tab keeps it until it goes.
      const stays = keeping === 'memory';
      const lock = await acquireLock(stays ? 'wait' : how, () => this.#stop());
      return lock ? await this.#claim(lock, key) : { state: 'otherTab', stays, limits };
    } finally {
      key?.fill(0);
    }
  }

  async #claim(lock: Lock, key: Uint8Array | null): Promise<BootState> {
    const limits = (await this.#module).limits();
    try {
      const store = await Store.claim();
      if (key) await store.hold(key);
      const forgotten = (await keepingOfStore()) === 'memory' && (await this.#forgetOthers(store));
      const fresh = (await store.isEmpty()) && !(await store.wasLoggedOut());
      const cleared = fresh && (await knowsSession(sessionProbeMs));
      this.#owned = { lock, store, core: await this.#open(store) };
      if (forgotten) return { state: 'fresh', forgotten, limits };
      return cleared ? { state: 'storeCleared', limits } : await this.#state(this.#owned);
    } catch (error) {
      lock.release();
      // Another tab set a lock in between.
      if (error instanceof CoreError && error.code === 'locked') return { state: 'locked', limits };
      throw error;
    }
  }

  /** The tab that had the key in memory is gone, and what it left opens for nobody. Whether there was anything. */
  async #forgetOthers(store: Store): Promise<boolean> {
    const anything = !(await store.isEmpty());
    await store.wipe();
    // If it can't be told now, the relay goes on listing a device whose keys are gone.
    if (anything) await endSession(sessionProbeMs);
    return anything;
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
    if (!profile) return { state: 'fresh', forgotten: false, limits };
    return { state: 'ready', profile, keeping: await keepingOfStore(), limits };
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

  /** Nobody has the passphrase: the cookie alone must do for telling the relay. */
  async #leaveLocked(how: 'told' | 'untold'): Promise<void> {
    await this.#alone(async () => {
      if (how === 'told' && !(await endSession(sessionProbeMs))) throw new CoreError('offline');
      const lock = await acquireLock('steal', () => this.#stop());
      if (!lock) throw new CoreError('takenOver');
      const store = await Store.claim();
      await store.wipe();
      this.#owned = { lock, store, core: await this.#open(store) };
    });
    this.#emit({ type: 'signedOut', reason: 'loggedOut' });
  }

  async #owning(work: (owned: Ownership) => Promise<void>): Promise<void> {
    await this.#alone(async () => {
      if (!this.#owned) throw new CoreError('takenOver');
      await work(this.#owned);
    });
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
