import { deleteDB } from 'idb';
import { CoreError } from './calls';
import { databaseName, openDatabase, orStoreFailed } from './database';
import type { Database, Stores } from './database';
import { keptKey, openKey, sealKey } from './store-key';
import type { SealedKey } from './store-key';
import type { ChangeSet, Load, Records } from './worker/engine';
import { deleteDatabaseMs } from './worker/limits';

/**
 * The sealed records of this browser, in IndexedDB. One owner at a time: whoever claims the store
 * raises its fence, and every change set reads the fence first inside its own transaction, so that
 * an owner that was overtaken can't write any more, whatever it believes.
 */
export class Store {
  readonly #name: string;
  #db: Database;
  #fence: number;
  /** A key that the store itself doesn't open: sealed in this worker's memory, and nowhere else. */
  #held: SealedKey | null = null;

  private constructor(name: string, db: Database, fence: number) {
    this.#name = name;
    this.#db = db;
    this.#fence = fence;
  }

  /** Opens the store as its new owner. Fails with `storeFailed` where the browser keeps nothing. */
  static async claim(name: string = databaseName): Promise<Store> {
    return orStoreFailed(async () => {
      const db = await openDatabase(name);
      const tx = db.transaction('meta', 'readwrite', { durability: 'strict' });
      const before = await tx.store.get('fence');
      const fence = (typeof before === 'number' ? before : 0) + 1;
      await Promise.all([tx.store.put(fence, 'fence'), tx.done]);
      return new Store(name, db, fence);
    });
  }

  /** Writes a change set whole or not at all; it is on disk when this returns. */
  async save(changes: ChangeSet): Promise<void> {
    return orStoreFailed(async () => {
      await this.#write(function* ({ records }) {
        for (const [key, value] of changes) yield value ? records.put(value, key) : records.delete(key);
      });
    });
  }

  async load({ prefix, before, limit }: Omit<Load, 'id'>): Promise<Records> {
    return orStoreFailed(async () => {
      if (before === null) return this.#ascending(prefix, limit);
      const found: Records = [];
      const { store } = this.#db.transaction('records');
      const range = before > prefix ? IDBKeyRange.bound(prefix, before, false, true) : null;
      let cursor = range && limit > 0 ? await store.openCursor(range, 'prev') : null;
      while (cursor) {
        found.push([cursor.key, cursor.value]);
        cursor = found.length < limit ? await cursor.continue() : null;
      }
      return found;
    });
  }

  /** Every record under these prefixes. */
  async loadAll(prefixes: string[]): Promise<Records> {
    return orStoreFailed(async () => (await Promise.all(prefixes.map((prefix) => this.#ascending(prefix)))).flat());
  }

  async isEmpty(): Promise<boolean> {
    return orStoreFailed(async () => (await this.#db.count('records')) === 0);
  }

  /** The person left the account here: an empty store is no surprise. */
  async wasLoggedOut(): Promise<boolean> {
    return orStoreFailed(async () => (await this.#db.get('meta', 'loggedOut')) === true);
  }

  /**
   * The 32 bytes that seal the records, made on first use; the caller zeroes them. Kept by the browser
   * they lie under a non-extractable key: that stops a script from carrying them off, not somebody who
   * has the disk. Otherwise they are held in memory: `locked` where nobody has brought them.
   */
  async storeKey(): Promise<Uint8Array> {
    return orStoreFailed(async () => {
      const kept = await keptKey(this.#db);
      if (kept && 'sealed' in kept) return openKey(kept);
      if (this.#held) return openKey(this.#held);
      if (kept) throw new CoreError('locked');
      const key = newKey();
      const sealed = await sealKey(key);
      await this.#write(({ meta }) => [meta.put(sealed, 'storeKey')]);
      return key;
    });
  }

  /** Brings the key of a locked store, for as long as this owner lives. */
  async hold(key: Uint8Array): Promise<void> {
    this.#held = await sealKey(key);
  }

  /**
   * From now on only what opens this lock opens the store: a new key, under which `anew` has every
   * record, because the browser may go on having the old one in its files. It stays at hand until this
   * owner ends. All or nothing; no core may run over the store meanwhile.
   */
  async keepUnderLock(lock: Uint8Array, key: Uint8Array, anew: Records): Promise<void> {
    return orStoreFailed(async () => {
      const held = await sealKey(key);
      await this.#write(function* ({ records, meta }) {
        for (const [at, value] of anew) yield records.put(value, at);
        yield meta.put({ lock }, 'storeKey');
        yield meta.delete('tries');
      });
      this.#held = held;
    });
  }

  /** From now on the browser opens the store by itself. */
  async keepInBrowser(): Promise<void> {
    return orStoreFailed(async () => {
      const sealed = await this.#sealedKey();
      await this.#write(({ meta }) => [meta.put(sealed, 'storeKey'), meta.delete('tries')]);
      this.#held = null;
    });
  }

  /** Begins anew, with a key that is never written down: what is saved from now on opens for this owner only. */
  async beginInMemory(): Promise<void> {
    return orStoreFailed(async () => {
      const held = await sealKey(newKey());
      await this.#write(({ records, meta }) => [records.clear(), meta.put({ inMemory: true }, 'storeKey')]);
      this.#held = held;
    });
  }

  /** Deletes everything and starts an empty store with the same owner. */
  async wipe(): Promise<void> {
    return orStoreFailed(async () => {
      await this.#write(({ records, meta }) => [
        records.clear(),
        meta.delete('storeKey'),
        meta.delete('tries'),
        meta.put(true, 'loggedOut'),
      ]);
      this.#held = null;
      // Cleared rows may stay in the browser's files until it compacts them; a deleted database goes sooner.
      this.#db.close();
      await within(deleteDatabaseMs, deleteDB(this.#name));
      this.#db = await openDatabase(this.#name);
      // A number here means that another owner came in between.
      await this.#write(({ meta }) => [meta.put(this.#fence, 'fence'), meta.put(true, 'loggedOut')], null);
    });
  }

  close(): void {
    this.#db.close();
  }

  /** One transaction, all or nothing, if the fence still stands where this owner put it. */
  async #write(changes: (stores: Stores) => Iterable<Promise<unknown>>, fence: number | null = this.#fence) {
    const tx = this.#db.transaction(['records', 'meta'], 'readwrite', { durability: 'strict' });
    const meta = tx.objectStore('meta');
    try {
      if (((await meta.get('fence')) ?? null) !== fence) throw new CoreError('takenOver');
      // A write that fails makes the transaction fail, which is waited for below.
      for (const write of changes({ records: tx.objectStore('records'), meta })) write.catch(() => {});
    } catch (error) {
      // What stands in the transaction already would be committed by itself.
      tx.abort();
      await tx.done.catch(() => {});
      throw error;
    }
    await tx.done;
  }

  async #sealedKey(): Promise<SealedKey> {
    const key = await this.storeKey();
    try {
      return await sealKey(key);
    } finally {
      key.fill(0);
    }
  }

  async #ascending(prefix: string, limit?: number): Promise<Records> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`, false, true);
    const { store } = this.#db.transaction('records');
    const [keys, values] = await Promise.all([store.getAllKeys(range, limit), store.getAll(range, limit)]);
    return keys.flatMap((key, at) => {
      const value = values[at];
      return value ? [[key, value] satisfies Records[number]] : [];
    });
  }
}

function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new CoreError('storeFailed')), ms));
  return Promise.race([work, late]);
}
