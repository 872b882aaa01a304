import 'fake-indexeddb/auto';
import { deleteDB, openDB } from 'idb';
import { beforeEach, expect, test, vi } from 'vitest';
import { Store } from './store';

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
