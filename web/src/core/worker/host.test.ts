import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CoreEvent, OwnProfile } from '../calls';
import { Store } from '../store';
import { keepingOfStore } from '../store-key';
import type { Engine, EngineModule, Records } from './engine';
import { Host } from './host';
import { scriptedEngine } from './scripted-engine';
import type { Outputs } from './scripted-engine';

/** The browser's locks, one name: waiting ends with its signal, stealing breaks the holder's promise. */
class HandLocks {
  #holder: { lost: (error: DOMException) => void; released: Promise<unknown> } | null = null;

  async request(_name: string, options: { steal?: boolean; signal?: AbortSignal }, hold: () => Promise<unknown>) {
    if (options.steal) this.#holder?.lost(new DOMException('stolen', 'AbortError'));
    else if (this.#holder) await Promise.race([this.#holder.released, aborted(options.signal)]);
    return new Promise<unknown>((resolve, lost) => {
      const released = hold().then(() => {
        if (this.#holder?.lost === lost) this.#holder = null;
      });
      this.#holder = { lost, released };
      released.then(resolve, lost);
    });
  }
}

async function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
}

const profile: OwnProfile = {
  accountId: 'a',
  deviceId: 'd',
  handle: 'ada',
  displayName: 'Ada',
  colour: 0,
  fingerprint: 'f',
  recoveryKeyConfirmed: true,
  auditRefused: null,
  deviceCreatedAt: 1,
  refusedList: null,
};
const limits = { textMaxBytes: 1, fileMaxBytes: 1, displayNameMaxBytes: 1, handleMaxChars: 1, passwordMinChars: 1 };
const uncloneable = (() => {}) as unknown as Uint8Array;

let sessionIsKnown = false;

beforeEach(() => {
  sessionIsKnown = false;
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('navigator', { locks: new HandLocks(), onLine: true });
  vi.stubGlobal('location', { origin: 'https://relay.example' });
  vi.stubGlobal('fetch', async () => new Response(null, { status: sessionIsKnown ? 200 : 401 }));
});

afterEach(() => void vi.unstubAllGlobals());

/** A tab whose core says what `calls` say; each core that it opens is in `opened`. */
function tab(calls: Partial<Engine> = {}) {
  const events: CoreEvent[] = [];
  const opened: { outputs: Outputs; records: Records; storeKey: Uint8Array }[] = [];
  const module: EngineModule = {
    bootPrefixes: () => ['account/'],
    limits: () => limits,
    lockStore: (storeKey, passphrase) => Uint8Array.from([...storeKey, ...new TextEncoder().encode(passphrase)]),
    resealRecords: (_oldKey, _newKey, records) => records,
    unlockStore: (lock, passphrase) => (new TextDecoder().decode(lock.slice(32)) === passphrase ? lock.slice(0, 32) : undefined),
    refusal: () => ({ code: 'relayMisbehaved', retryAfterMs: null }),
    open: (storeKey, records) => {
      const hasAccount = records.length > 0;
      const script = { profile: () => (hasAccount ? profile : null), connect: () => {}, sendText: () => 'm', ...calls };
      const { engine, outputs } = scriptedEngine(script);
      opened.push({ outputs, records, storeKey });
      return engine;
    },
  };
  const host = new Host(Promise.resolve(module), (event) => void events.push(event));
  const say = async () => (await host.core()).loop.call((engine, now) => engine.sendText('g', 'hello', now));
  return { host, events, opened, say };
}

async function withAccount(): Promise<void> {
  const store = await Store.claim();
  await store.save([['account/state', new Uint8Array([1])]]);
  store.close();
}

test('an empty store is fresh, unless the relay still knows this browser', async () => {
  expect(await tab().host.boot()).toEqual({ state: 'fresh', forgotten: false, limits });

  vi.stubGlobal('navigator', { locks: new HandLocks(), onLine: true });
  sessionIsKnown = true;
  expect(await tab().host.boot()).toEqual({ state: 'storeCleared', limits });
});

test('a store with an account is opened with its records, and its key is zeroed', async () => {
  await withAccount();
  const { host, opened } = tab();

  expect(await host.boot()).toEqual({ state: 'ready', profile, keeping: 'browser', limits });
  expect(await host.boot()).toMatchObject({ state: 'ready' });

  expect(opened).toHaveLength(1);
  expect(opened[0]?.records).toEqual([['account/state', new Uint8Array([1])]]);
  expect(opened[0]?.storeKey).toEqual(new Uint8Array(32));
});

test('a second tab hears of the first, and the one that is taken over stops', async () => {
  await withAccount();
  const [first, second] = [tab(), tab()];
  await first.host.boot();

  expect(await second.host.boot()).toMatchObject({ state: 'otherTab' });
  await expect(second.say()).rejects.toMatchObject({ code: 'takenOver' });
  expect(await second.host.takeOver()).toMatchObject({ state: 'ready' });

  await expect(first.say()).rejects.toMatchObject({ code: 'takenOver' });
  expect(await second.say()).toBe('m');
  expect(first.events).toEqual([{ type: 'takenOver' }]);
});

test('an owner that lost the store without noticing stops at its next write', async () => {
  await withAccount();
  const { host, events, opened, say } = tab();
  await host.boot();
  await Store.claim();
  opened[0]?.outputs.saves.push([['a', new Uint8Array(1)]]);

  await expect(say()).rejects.toMatchObject({ code: 'takenOver' });

  expect(events).toEqual([{ type: 'takenOver' }]);
});

test('after a failed save the core starts again from what is on the disk', async () => {
  await withAccount();
  const { host, events, opened, say } = tab();
  await host.boot();
  opened[0]?.outputs.saves.push([['account/state', new Uint8Array([2])]]);
  await say();
  opened[0]?.outputs.saves.push([['account/state', uncloneable]]);

  await expect(say()).rejects.toMatchObject({ code: 'storeFailed' });

  expect(await say()).toBe('m');
  expect(opened).toHaveLength(2);
  expect(opened[1]?.records).toEqual([['account/state', new Uint8Array([2])]]);
  expect(events).toEqual([]);
});

test('a store that takes nothing at all is fatal', async () => {
  await withAccount();
  const { host, events, opened, say } = tab();
  await host.boot();
  opened[0]?.outputs.saves.push([['a', uncloneable]]);

  await expect(say()).rejects.toMatchObject({ code: 'storeFailed' });

  expect(events).toEqual([{ type: 'fatal', code: 'storeFailed' }]);
});

test('who is signed out finds an empty store, and can start anew in the same tab', async () => {
  await withAccount();
  const { host, events, opened, say } = tab();
  await host.boot();
  opened[0]?.outputs.events.push({ type: 'signedOut', reason: 'revoked' });

  await say().catch(() => {});
  await host.core();

  expect(events).toEqual([{ type: 'signedOut', reason: 'revoked' }]);
  expect(opened[1]?.records).toEqual([]);
  expect(await host.boot()).toEqual({ state: 'fresh', forgotten: false, limits });
  sessionIsKnown = true;
  vi.stubGlobal('navigator', { locks: new HandLocks(), onLine: true });
  expect(await tab().host.boot()).toEqual({ state: 'fresh', forgotten: false, limits });
});

test('logging out keeps the store until the relay was told', async () => {
  await withAccount();
  const { host, events, opened } = tab({
    logOut: () => {
      opened[0]?.outputs.events.push({ type: 'commandDone', command: 1, outcome: { Err: { code: 'offline', retryAfterMs: null } } });
      return 1;
    },
  });
  await host.boot();

  const leaving = host.logOut();

  await expect(leaving).rejects.toMatchObject({ code: 'offline' });
  expect(events).toEqual([]);
  expect(await (await Store.claim()).isEmpty()).toBe(false);
});

test('without a network logging out says so at once, and forgetting wipes the store all the same', async () => {
  await withAccount();
  vi.stubGlobal('navigator', { locks: new HandLocks(), onLine: false });
  const { host, events } = tab({ goOffline: () => {} });
  await host.boot();

  await expect(host.logOut()).rejects.toMatchObject({ code: 'offline' });
  await host.forget();

  expect(events).toEqual([{ type: 'signedOut', reason: 'loggedOut' }]);
  expect(await (await Store.claim()).isEmpty()).toBe(true);
});

test('a trap ends the core for good', async () => {
  await withAccount();
  const trap = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  const { host, events, say } = tab({ sendText: trap });
  await host.boot();

  await expect(say()).rejects.toMatchObject({ code: 'coreDied' });
  await expect(say()).rejects.toMatchObject({ code: 'coreDied' });

  expect(events).toEqual([{ type: 'fatal', code: 'coreDied' }]);
});

/** A tab that is closed: what is in its memory is gone, and its locks are free. */
function closeAllTabs(): void {
  vi.stubGlobal('navigator', { locks: new HandLocks(), onLine: true });
}

test('a locked store says nothing at its next start, and opens with its passphrase', async () => {
  await withAccount();
  const { host, opened } = tab();
  await host.boot();
  await host.setLock('kettles', null);
  expect(await host.boot()).toMatchObject({ state: 'ready', keeping: 'passphrase' });

  closeAllTabs();
  const next = tab();

  expect(await next.host.boot()).toEqual({ state: 'locked', limits });
  expect(await next.host.takeOver()).toEqual({ state: 'locked', limits });
  expect(next.opened).toEqual([]);
  await expect(next.host.unlock('kettle')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  expect(await next.host.unlock('kettles')).toEqual({ state: 'ready', profile, keeping: 'passphrase', limits });
  expect(next.opened[0]?.records).toEqual(opened[0]?.records);
  expect(next.opened[0]?.storeKey).toEqual(new Uint8Array(32));
});

test('a lock is changed and removed by who knows it, and by nobody else', async () => {
  await withAccount();
  const { host } = tab();
  await host.boot();
  await host.setLock('kettles', null);

  await expect(host.setLock('lanterns', null)).rejects.toMatchObject({ code: 'misuse' });
  await expect(host.setLock('lanterns', 'wrong')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  await expect(host.removeLock('wrong')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  await host.setLock('lanterns', 'kettles');
  await expect(host.removeLock('kettles')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  closeAllTabs();
  const next = tab();
  expect(await next.host.unlock('lanterns')).toMatchObject({ state: 'ready' });
  await next.host.removeLock('lanterns');
  closeAllTabs();
  expect(await tab().host.boot()).toMatchObject({ state: 'ready', keeping: 'browser' });
});

test('a tab that shows the lock screen takes the store over only with the passphrase', async () => {
  await withAccount();
  const [first, second] = [tab(), tab()];
  await first.host.boot();
  await first.host.setLock('kettles', null);

  expect(await second.host.boot()).toEqual({ state: 'locked', limits });
  await expect(second.host.unlock('wrong')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  expect(await first.say()).toBe('m');
  expect(await second.host.unlock('kettles')).toMatchObject({ state: 'ready' });

  expect(first.events).toEqual([{ type: 'takenOver' }]);
  await expect(first.say()).rejects.toMatchObject({ code: 'takenOver' });
});

test('who forgot the passphrase leaves: told if the relay hears of it, and otherwise only when asked again', async () => {
  await withAccount();
  const { host } = tab();
  await host.boot();
  await host.setLock('kettles', null);
  closeAllTabs();
  const next = tab();
  await next.host.boot();
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('no network')));

  await expect(next.host.logOut()).rejects.toMatchObject({ code: 'offline' });
  expect(await keepingOfStore()).toBe('passphrase');
  await next.host.forget();

  expect(next.events).toEqual([{ type: 'signedOut', reason: 'loggedOut' }]);
  expect(await (await Store.claim()).isEmpty()).toBe(true);
  expect(await keepingOfStore()).toBe('browser');
});

test('the relay is told by the cookie alone that a locked browser leaves', async () => {
  await withAccount();
  const { host } = tab();
  await host.boot();
  await host.setLock('kettles', null);
  closeAllTabs();
  const told: string[] = [];
  vi.stubGlobal('fetch', async (path: string, { method, headers }: RequestInit) => {
    told.push(`${method} ${path} ${(headers as Record<string, string>)['Authorization'] ?? ''}`);
    return path.endsWith('refresh') ? Response.json({ access_token: 'token' }) : new Response(null, { status: 204 });
  });

  await tab().host.logOut();

  expect(told).toEqual(['POST /v1/sessions/refresh ', 'DELETE /v1/sessions/current Bearer token']);
});

test('a tab that is to forget keeps others out while it lives, and what it leaves is wiped at the next start', async () => {
  const [first, second] = [tab(), tab()];
  await first.host.boot();
  await first.host.chooseKeeping('memory');
  await (await first.host.core()).loop.call(() => first.opened[1]?.outputs.saves.push([['account/state', new Uint8Array([1])]]));
  await first.say();

  expect(await second.host.boot()).toEqual({ state: 'otherTab', stays: true, limits });
  expect(await second.host.takeOver()).toEqual({ state: 'otherTab', stays: true, limits });
  expect(await first.say()).toBe('m');
  closeAllTabs();
  const next = tab();

  expect(await next.host.boot()).toEqual({ state: 'fresh', forgotten: true, limits });
  expect(next.opened[0]?.records).toEqual([]);
  expect(await keepingOfStore()).toBe('browser');
});

test('nobody is made to forget an account that is in the store already', async () => {
  await withAccount();
  const { host } = tab();
  await host.boot();

  await expect(host.chooseKeeping('memory')).rejects.toMatchObject({ code: 'misuse' });
});
