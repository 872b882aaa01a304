import 'fake-indexeddb/auto';
import { deleteDB, openDB } from 'idb';
import { beforeEach, expect, test, vi } from 'vitest';
import { Store } from './store';
import { keepingOfStore, openLock } from './store-key';
import { unlockPauseMs } from './worker/limits';

let name = '';
let databases = 0;

beforeEach(() => {
  databases += 1;
  name = `store-${databases}`;
});

const bytes = (...values: number[]) => new Uint8Array(values);
const all = (prefix: string) => ({ prefix, before: null, limit: 100 });

test('a change set is read back by prefix in ascending order', async () => {
  const store = await Store.claim(name);

  await store.save([
    ['group/b', bytes(2)],
    ['group/a', bytes(1)],
    ['groups', bytes(9)],
    ['account/x', bytes(3)],
  ]);

  expect(await store.load(all('group/'))).toEqual([
    ['group/a', bytes(1)],
    ['group/b', bytes(2)],
  ]);
  expect(await store.loadAll(['account/', 'group/'])).toHaveLength(3);
});

test('a null deletes its record', async () => {
  const store = await Store.claim(name);
  await store.save([['a', bytes(1)]]);

  await store.save([
    ['a', null],
    ['b', bytes(2)],
  ]);

  expect(await store.load(all(''))).toEqual([['b', bytes(2)]]);
});

test('paging back gives the highest keys below the bound first, and no more than asked for', async () => {
  const store = await Store.claim(name);
  await store.save([1, 2, 3, 4, 5].map((n) => [`message/g/${n}`, bytes(n)]));
  await store.save([['message/f/9', bytes(9)]]);

  const page = await store.load({ prefix: 'message/g/', before: 'message/g/4', limit: 2 });
  const rest = await store.load({ prefix: 'message/g/', before: 'message/g/2', limit: 2 });

  expect(page.map(([key]) => key)).toEqual(['message/g/3', 'message/g/2']);
  expect(rest.map(([key]) => key)).toEqual(['message/g/1']);
  expect(await store.load({ prefix: 'message/g/', before: 'a', limit: 2 })).toEqual([]);
});

test('an owner that was overtaken can write nothing any more', async () => {
  const before = await Store.claim(name);
  await before.save([['a', bytes(1)]]);

  const after = await Store.claim(name);

  await expect(before.save([['a', bytes(2)]])).rejects.toMatchObject({ code: 'takenOver' });
  await expect(before.wipe()).rejects.toMatchObject({ code: 'takenOver' });
  await after.save([['b', bytes(3)]]);
  expect(await after.load(all(''))).toEqual([
    ['a', bytes(1)],
    ['b', bytes(3)],
  ]);
});

test('a change set that fails half way leaves nothing behind', async () => {
  const store = await Store.claim(name);
  const uncloneable = (() => {}) as unknown as Uint8Array;

  await expect(
    store.save([
      ['a', bytes(1)],
      ['b', uncloneable],
    ]),
  ).rejects.toMatchObject({ code: 'storeFailed' });

  expect(await store.load(all(''))).toEqual([]);
});

test('the store key is the same for every owner', async () => {
  const first = await (await Store.claim(name)).storeKey();
  const second = await (await Store.claim(name)).storeKey();

  expect(first).toHaveLength(32);
  expect(second).toEqual(first);
});

test('the key that wraps the store key refuses to be exported', async () => {
  const store = await Store.claim(name);
  const storeKey = await store.storeKey();
  store.close();

  const db = await openDB(name);
  const kept = (await db.get('meta', 'storeKey')) as { wrappingKey: CryptoKey; sealed: ArrayBuffer };

  expect(kept.wrappingKey.extractable).toBe(false);
  await expect(crypto.subtle.exportKey('raw', kept.wrappingKey)).rejects.toThrow('not extractable');
  expect(new Uint8Array(kept.sealed).slice(0, 32)).not.toEqual(storeKey);
  db.close();
});

/** A lock that any host could read: what stands in it is the test's business. */
const lockOf = (key: Uint8Array) => Uint8Array.from(key, (byte) => byte ^ 0x5a);
const lockKey = new Uint8Array(32).fill(9);
const lockIt = async (store: Store) => store.keepUnderLock(lockOf(lockKey), lockKey, [['a', bytes(2)]]);

test('a locked store has another key and its records under that, and gives it to nobody who does not bring it', async () => {
  const store = await Store.claim(name);
  const before = await store.storeKey();
  await store.save([['a', bytes(1)]]);
  await lockIt(store);
  expect(await store.storeKey()).toEqual(lockKey);
  expect(await store.storeKey()).not.toEqual(before);

  const next = await Store.claim(name);

  expect(await keepingOfStore(name)).toBe('passphrase');
  expect(await next.load(all(''))).toEqual([['a', bytes(2)]]);
  await expect(next.storeKey()).rejects.toMatchObject({ code: 'locked' });
  await next.hold((await openLock(lockOf, name)) ?? bytes());
  expect(await next.storeKey()).toEqual(lockKey);
});

test('a lock that is removed leaves the same store, and the browser opens it again', async () => {
  const store = await Store.claim(name);
  await lockIt(store);

  await store.keepInBrowser();

  expect(await keepingOfStore(name)).toBe('browser');
  expect(await (await Store.claim(name)).storeKey()).toEqual(lockKey);
  expect(await openLock(lockOf, name)).toBeNull();
});

test('whatever fails while a lock is set, changed or removed, the store opens as before', async () => {
  const store = await Store.claim(name);
  const key = await store.storeKey();
  await store.save([['a', bytes(1)]]);
  const uncloneable = (() => {}) as unknown as Uint8Array;

  await expect(store.keepUnderLock(uncloneable, lockKey, [['a', bytes(2)]])).rejects.toMatchObject({ code: 'storeFailed' });
  await expect(store.keepUnderLock(bytes(1), lockKey, [['a', bytes(2)], ['b', uncloneable]])).rejects.toMatchObject({ code: 'storeFailed' });
  expect(await keepingOfStore(name)).toBe('browser');
  const owner = await Store.claim(name);
  expect(await owner.storeKey()).toEqual(key);
  expect(await owner.load(all(''))).toEqual([['a', bytes(1)]]);

  await lockIt(owner);
  await expect(owner.keepUnderLock(uncloneable, bytes(), [['a', bytes(3)]])).rejects.toMatchObject({ code: 'storeFailed' });
  vi.spyOn(crypto.subtle, 'encrypt').mockRejectedValueOnce(new DOMException('no', 'OperationError'));
  await expect(owner.keepInBrowser()).rejects.toMatchObject({ code: 'storeFailed' });
  const next = await Store.claim(name);
  await expect(owner.keepInBrowser()).rejects.toMatchObject({ code: 'takenOver' });
  expect(await openLock(lockOf, name)).toEqual(lockKey);
  expect(await next.load(all(''))).toEqual([['a', bytes(2)]]);
});

test('wrong passphrases cost a pause that grows, and the right one ends it', async () => {
  const store = await Store.claim(name);
  await lockIt(store);
  const clock = vi.spyOn(Date, 'now').mockReturnValue(1_000_000);
  const wrong = async () => openLock(() => undefined, name);

  for (let n = 1; n < unlockPauseMs.freeTries; n += 1) await expect(wrong()).rejects.toMatchObject({ code: 'wrongPassphrase', retryAfterMs: null });
  await expect(wrong()).rejects.toMatchObject({ code: 'wrongPassphrase', retryAfterMs: unlockPauseMs.first });
  await expect(openLock(lockOf, name)).rejects.toMatchObject({ code: 'rateLimited', retryAfterMs: unlockPauseMs.first });
  clock.mockReturnValue(1_000_000 + unlockPauseMs.first);
  await expect(wrong()).rejects.toMatchObject({ code: 'wrongPassphrase', retryAfterMs: 2 * unlockPauseMs.first });
  // A clock that was put back waits no longer than the longest pause.
  clock.mockReturnValue(0);
  await expect(wrong()).rejects.toMatchObject({ code: 'rateLimited', retryAfterMs: unlockPauseMs.most });

  clock.mockReturnValue(2_000_000);
  expect(await openLock(lockOf, name)).toHaveLength(32);
  await expect(wrong()).rejects.toMatchObject({ code: 'wrongPassphrase', retryAfterMs: null });
  clock.mockRestore();
});

test('a try that ends half way has been counted', async () => {
  const store = await Store.claim(name);
  await lockIt(store);
  const killed = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };

  for (let n = 0; n < unlockPauseMs.freeTries; n += 1) await expect(openLock(killed, name)).rejects.toThrow('unreachable');

  await expect(openLock(lockOf, name)).rejects.toMatchObject({ code: 'rateLimited' });
});

test('a store that forgets is opened by the owner that began it, and by nobody after', async () => {
  const store = await Store.claim(name);
  const keyBefore = await store.storeKey();
  await store.save([['a', bytes(1)]]);

  await store.beginInMemory();

  expect(await store.isEmpty()).toBe(true);
  expect(await store.storeKey()).not.toEqual(keyBefore);
  expect(await keepingOfStore(name)).toBe('memory');
  await expect((await Store.claim(name)).storeKey()).rejects.toMatchObject({ code: 'locked' });
});

test('a wiped store is empty, has another key, and knows that it was left on purpose', async () => {
  const store = await Store.claim(name);
  const keyBefore = await store.storeKey();
  await store.save([['a', bytes(1)]]);

  await store.wipe();

  expect(await store.isEmpty()).toBe(true);
  expect(await store.wasLoggedOut()).toBe(true);
  expect(await store.storeKey()).not.toEqual(keyBefore);
  await store.save([['b', bytes(2)]]);
  expect(await store.load(all(''))).toHaveLength(1);
});

test('a store that the browser cleared does not claim that it was left on purpose', async () => {
  const store = await Store.claim(name);
  await store.save([['a', bytes(1)]]);
  store.close();
  await deleteDB(name);

  const found = await Store.claim(name);

  expect(await found.isEmpty()).toBe(true);
  expect(await found.wasLoggedOut()).toBe(false);
});

test('a browser without a database says so as one failure', async () => {
  vi.spyOn(indexedDB, 'open').mockImplementationOnce(() => {
    throw new DOMException('private window', 'SecurityError');
  });

  await expect(Store.claim(name)).rejects.toMatchObject({ code: 'storeFailed' });
});
