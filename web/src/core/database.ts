import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase, IDBPObjectStore } from 'idb';
import { CoreError } from './calls';
import type { KeptKey, UnlockTries } from './store-key';

export interface Schema extends DBSchema {
  /** Records of the core, sealed by it. */
  records: { key: string; value: Uint8Array };
  /** `fence`: a number; `storeKey`: how the store key is kept; `loggedOut`: true; `tries`: wrong passphrases in a row. */
  meta: { key: 'fence' | 'storeKey' | 'loggedOut' | 'tries'; value: number | KeptKey | true | UnlockTries };
}

type Writable<Name extends 'records' | 'meta'> = IDBPObjectStore<Schema, ('records' | 'meta')[], Name, 'readwrite'>;
export type Stores = { records: Writable<'records'>; meta: Writable<'meta'> };
export type Database = IDBPDatabase<Schema>;

export const databaseName = 'sotto';

export async function openDatabase(name: string): Promise<Database> {
  return openDB<Schema>(name, 1, {
    upgrade: (db) => {
      db.createObjectStore('records');
      db.createObjectStore('meta');
    },
    // Another tab deletes or upgrades the database: an owner that was overtaken must not hold it up.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
}

/** Disk full, a private window, a database that the browser took away: to the page it is one thing. */
export async function orStoreFailed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof CoreError ? error : new CoreError('storeFailed');
  }
}
