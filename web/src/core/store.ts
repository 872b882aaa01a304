import { deleteDB, openDB } from 'idb';
import type { DBSchema, IDBPDatabase, IDBPObjectStore } from 'idb';
import { CoreError } from './calls';
import type { ChangeSet, Load, Records } from './worker/engine';
import { deleteDatabaseMs } from './worker/limits';

/** The store key under a key that scripts can use and not read. */
type SealedKey = { wrappingKey: CryptoKey; nonce: Uint8Array<ArrayBuffer>; sealed: ArrayBuffer };

interface Schema extends DBSchema {
  /** Records of the core, sealed by it. */
  records: { key: string; value: Uint8Array };
  /** `fence`: a number; `storeKey`: a `SealedKey`; `loggedOut`: true. */
  meta: { key: 'fence' | 'storeKey' | 'loggedOut'; value: number | SealedKey | true };
}

type Writable<Name extends 'records' | 'meta'> = IDBPObjectStore<Schema, ('records' | 'meta')[], Name, 'readwrite'>;
type Stores = { records: Writable<'records'>; meta: Writable<'meta'> };

const databaseName = 'sotto';
const keyLabel = new TextEncoder().encode('sotto/v1/store-key');

/**
 * The sealed records of this browser, in IndexedDB. One owner at a time: whoever claims the store
 * raises its fence, and every change set reads the fence first inside its own transaction, so that
 * an owner that was overtaken can't write any more, whatever it believes.
 */
export class Store {
  readonly #name: string;
  #db: IDBPDatabase<Schema>;
  #fence: number;

  private constructor(name: string, db: IDBPDatabase<Schema>, fence: number) {
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
   * The 32 bytes that seal the records, made on first use; the caller zeroes them. At rest they lie
   * under a non-extractable key: that stops a script from carrying them off, not somebody who has
   * the disk.
   */
  async storeKey(): Promise<Uint8Array> {
    return orStoreFailed(async () => {
      const kept = await this.#db.get('meta', 'storeKey');
      if (typeof kept === 'object') return unwrap(kept);
      const key = crypto.getRandomValues(new Uint8Array(32));
      const sealed = await wrap(key);
      await this.#write(({ meta }) => [meta.put(sealed, 'storeKey')]);
      return key;
    });
  }

  /** Deletes everything and starts an empty store with the same owner. */
  async wipe(): Promise<void> {
    return orStoreFailed(async () => {
      await this.#write(({ records, meta }) => [
        records.clear(),
        meta.delete('storeKey'),
        meta.put(true, 'loggedOut'),
      ]);
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

async function openDatabase(name: string): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, 1, {
    upgrade: (db) => {
      db.createObjectStore('records');
      db.createObjectStore('meta');
    },
    // Another tab deletes or upgrades the database: an owner that was overtaken must not hold it up.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
}

async function wrap(key: Uint8Array<ArrayBuffer>): Promise<SealedKey> {
  const wrappingKey = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(gcm(nonce), wrappingKey, key);
  return { wrappingKey, nonce, sealed };
}

async function unwrap({ wrappingKey, nonce, sealed }: SealedKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.decrypt(gcm(nonce), wrappingKey, sealed));
}

const gcm = (nonce: Uint8Array<ArrayBuffer>) => ({ name: 'AES-GCM', iv: nonce, additionalData: keyLabel });

/** Disk full, a private window, a database that the browser took away: to the page it is one thing. */
async function orStoreFailed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof CoreError ? error : new CoreError('storeFailed');
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new CoreError('storeFailed')), ms));
  return Promise.race([work, late]);
}
