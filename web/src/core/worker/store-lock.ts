import type { Store } from '../store';
import { openLock } from '../store-key';
import { refusalIn } from './engine';
import type { EngineModule } from './engine';

/** The key of this browser's store, by its passphrase; null where the store has no lock. The caller zeroes it. */
export async function unlockedKey(module: EngineModule, passphrase: string): Promise<Uint8Array | null> {
  return openLock((lock) => told(() => module.unlockStore(lock, passphrase.normalize('NFC'))));
}

/** Puts a store under a new key, and that under a passphrase. No core may run over it meanwhile. */
export async function lockStore(module: EngineModule, store: Store, passphrase: string): Promise<void> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const oldKey = await store.storeKey();
  try {
    const lock = told(() => module.lockStore(key, passphrase.normalize('NFC')));
    const records = await store.loadAll(['']);
    await store.keepUnderLock(lock, key, told(() => module.resealRecords(oldKey, key, records)));
  } finally {
    oldKey.fill(0);
    key.fill(0);
  }
}

/** A refusal of the core is an answer; everything else that it throws ends the worker's life. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw refusalIn(error) ?? error;
  }
}
