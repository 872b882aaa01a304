import { CoreError } from './calls';
import type { Keeping } from './calls';
import { databaseName, openDatabase, orStoreFailed } from './database';
import type { Database } from './database';
import { unlockPauseMs } from './worker/limits';

/** A key under a key that scripts can use and not read. */
export type SealedKey = { wrappingKey: CryptoKey; nonce: Uint8Array<ArrayBuffer>; sealed: ArrayBuffer };

/** What stands in the store in place of its key: the sealed key itself, a lock of the core's, or nothing that opens it. */
export type KeptKey = SealedKey | { lock: Uint8Array } | { inMemory: true };

/** Wrong passphrases in a row, and until when the next try waits. */
export type UnlockTries = { failed: number; until: number };

const keyLabel = new TextEncoder().encode('sotto/v1/store-key');

export async function sealKey(key: Uint8Array): Promise<SealedKey> {
  const wrappingKey = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(gcm(nonce), wrappingKey, key as Uint8Array<ArrayBuffer>);
  return { wrappingKey, nonce, sealed };
}

/** The caller zeroes it. */
export async function openKey({ wrappingKey, nonce, sealed }: SealedKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.decrypt(gcm(nonce), wrappingKey, sealed));
}

const gcm = (nonce: Uint8Array<ArrayBuffer>) => ({ name: 'AES-GCM', iv: nonce, additionalData: keyLabel });

/** How a store says that its key is kept; a store without a key will keep it by the browser. */
export async function keptKey(db: Database): Promise<KeptKey | null> {
  const kept = await db.get('meta', 'storeKey');
  return typeof kept === 'object' && ('sealed' in kept || 'lock' in kept || 'inMemory' in kept) ? kept : null;
}

export function keepingOf(kept: KeptKey | null): Keeping {
  return kept === null || 'sealed' in kept ? 'browser' : 'lock' in kept ? 'passphrase' : 'memory';
}

/** Asks without owning the store, so that another tab goes on with it. */
export async function keepingOfStore(name: string = databaseName): Promise<Keeping> {
  return looking(name, async (db) => keepingOf(await keptKey(db)));
}

/**
 * Opens the lock of the store by a passphrase, without owning the store. A try is written down as wrong before it is
 * made, so that ending it half way gains nothing. Null: there is no lock.
 */
export async function openLock(
  unlock: (lock: Uint8Array) => Uint8Array | undefined,
  name: string = databaseName,
): Promise<Uint8Array | null> {
  const found = await looking(name, async (db) => {
    const kept = await keptKey(db);
    return kept !== null && 'lock' in kept ? { lock: kept.lock, ...(await countTry(db)) } : null;
  });
  if (!found) return null;
  const key = unlock(found.lock);
  if (!key) throw new CoreError('wrongPassphrase', found.pauseMs || null);
  await looking(name, async (db) => db.delete('meta', 'tries'));
  return key;
}

/** Fails while the pause of the try before lasts. */
async function countTry(db: Database): Promise<{ pauseMs: number }> {
  const tx = db.transaction('meta', 'readwrite', { durability: 'strict' });
  const before = await tx.store.get('tries');
  const tries = typeof before === 'object' && 'until' in before ? before : { failed: 0, until: 0 };
  // A clock that was put back must not lock somebody out for longer than any pause.
  const wait = Math.min(tries.until - Date.now(), unlockPauseMs.most);
  if (wait > 0) {
    await tx.done;
    throw new CoreError('rateLimited', wait);
  }
  const failed = tries.failed + 1;
  const beyond = failed - unlockPauseMs.freeTries;
  const pauseMs = beyond < 0 ? 0 : Math.min(unlockPauseMs.first * 2 ** beyond, unlockPauseMs.most);
  await Promise.all([tx.store.put({ failed, until: Date.now() + pauseMs }, 'tries'), tx.done]);
  return { pauseMs };
}

async function looking<T>(name: string, work: (db: Database) => Promise<T>): Promise<T> {
  return orStoreFailed(async () => {
    const db = await openDatabase(name);
    try {
      return await work(db);
    } finally {
      db.close();
    }
  });
}
