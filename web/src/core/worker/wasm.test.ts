import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { Core, bootPrefixes, initSync, limits, lockStore, refusal, resealRecords, unlockStore } from '../wasm/client_wasm.js';
import type { Engine, EngineEvent, EngineModule, Request } from './engine';
import { refusalIn } from './engine';

// What is promised in `engine.ts`, kept by the real core.
const wasm: EngineModule = { open: Core.open, bootPrefixes, limits, lockStore, unlockStore, resealRecords, refusal };
const now = 1_800_000_000_000;

beforeAll(async () => {
  initSync({ module: await readFile(new URL('../wasm/client_wasm_bg.wasm', import.meta.url)) });
});

const emptyCore = (): Engine => wasm.open(new Uint8Array(32).fill(1), [], now);
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return 'nothing';
}

test('numbers come as numbers, and what is absent as null', () => {
  const core = emptyCore();

  expect(wasm.bootPrefixes()).toContain('account/');
  for (const limit of Object.values(wasm.limits())) expect(limit).toBeTypeOf('number');
  expect(Object.keys(wasm.limits()).sort()).toEqual([
    'displayNameMaxBytes',
    'fileMaxBytes',
    'handleMaxChars',
    'passwordMinChars',
    'textMaxBytes',
  ]);
  expect(core.profile()).toBeNull();
  expect(core.recoveryKey()).toBeNull();
  expect(core.accessToken()).toBeUndefined();
  expect(core.conversations()).toEqual([]);
  expect(core.devices()).toEqual([]);
  expect(core.settings()).toEqual({ appearance: null, notifyShowsName: null, notifyShowsText: null });
  expect(core.connection()).toEqual({ state: 'offline', retryAt: null });
});

test('a core without work asks for nothing', () => {
  const core = emptyCore();

  expect(core.pollSave()).toBeUndefined();
  expect(core.pollLoad()).toBeUndefined();
  expect(core.pollRequest()).toBeUndefined();
  expect(core.pollTransmit()).toBeUndefined();
  expect(core.pollEvent()).toBeUndefined();
  expect(core.pollTimeout()).toBeUndefined();
});

test('a command asks the relay, and ends with its answer', () => {
  const core = emptyCore();

  const command = core.checkHandle('ada', now);
  const request = core.pollRequest() as Request;
  core.handleAnswered(request.id, 200, json({ available: true }), now);
  const done = core.pollEvent() as EngineEvent;

  expect(request).toMatchObject({ id: expect.any(Number), path: expect.stringMatching(/^\/v1\//), bearer: false });
  expect(done).toEqual({ type: 'commandDone', command, outcome: { Ok: { availability: 'free' } } });
});

test('what is refused before it is asked comes as a code', () => {
  const core = emptyCore();

  const command = core.checkHandle('!', now);

  expect(core.pollRequest()).toBeUndefined();
  expect(core.pollEvent()).toEqual({ type: 'commandDone', command, outcome: { Ok: { availability: 'invalid' } } });
});

test('an account is opened by requests with and without a body, none of which holds the password', () => {
  const core = emptyCore();
  const password = 'correct horse battery staple';
  const relay = {
    relay_id: 'AAAAAAAAAAAAAAAAAAAAAA',
    version: '0.1.0',
    protocol_version: 1,
    blob_bytes_max: 104_857_600,
    message_ttl_seconds: 2_592_000,
    registration: 'open',
  };

  core.createAccount({ handle: 'ada', displayName: 'Ada', colour: 1, password, deviceName: 'Chrome', invite: '' }, now);
  const question = core.pollRequest() as Request;
  core.handleAnswered(question.id, 200, json(relay), now);
  const start = core.pollRequest() as Request;

  expect(question).toMatchObject({ method: 'GET', contentType: null, body: null });
  expect(start).toMatchObject({ method: 'POST', contentType: 'application/json' });
  expect(start.body).toBeInstanceOf(Uint8Array);
  expect(new TextDecoder().decode(start.body ?? undefined)).not.toContain(password);
});

test('a refused command throws plain data with a code', () => {
  const core = emptyCore();

  const noId = thrownBy(() => core.sendText('no id', 'hello', now));
  const noFile = thrownBy(() => core.takeFile(9));
  const nobody = thrownBy(() => core.confirmRecoveryKey(now));

  for (const thrown of [noId, noFile, nobody]) expect(thrown).toEqual({ code: 'misuse', retryAfterMs: null });
  expect(refusalIn(noId)).toMatchObject({ code: 'misuse' });
});

test('a lock gives the store key for its passphrase, nothing for another, and is refused when it is none', () => {
  const key = new Uint8Array(32).fill(7);
  const lock = wasm.lockStore(key, 'nine lanterns');

  expect(wasm.unlockStore(lock, 'nine lanterns')).toEqual(key);
  expect(wasm.unlockStore(lock, 'nine candles')).toBeUndefined();
  expect(thrownBy(() => wasm.unlockStore(lock.slice(1), 'nine lanterns'))).toEqual({ code: 'storeFailed', retryAfterMs: null });
  expect(thrownBy(() => wasm.lockStore(key, ''))).toEqual({ code: 'misuse', retryAfterMs: null });
});

test('records that are sealed anew are those of a store with the new key', () => {
  const [oldKey, newKey] = [1, 2].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array];
  const notSealed = new Uint8Array(64);

  const anew = wasm.resealRecords(oldKey, newKey, [['account/state', notSealed]]);

  expect(anew).toEqual([['account/state', notSealed]]);
  expect(wasm.resealRecords(oldKey, newKey, [])).toEqual([]);
  expect(thrownBy(() => wasm.resealRecords(oldKey, newKey.slice(1), []))).toEqual({ code: 'misuse', retryAfterMs: null });
});

test('a store of another key does not open', () => {
  const records: [string, Uint8Array][] = [['account/state', new Uint8Array(64)]];

  const thrown = thrownBy(() => wasm.open(new Uint8Array(32), records, now));

  expect(thrown).toEqual({ code: 'storeFailed', retryAfterMs: null });
});

test("a transfer's refusal becomes a person's error", () => {
  const problem = { type: 'about:blank', title: 'wait', status: 429, code: 'rate_limited', retry_after_seconds: 3 };

  expect(wasm.refusal(429, json(problem))).toEqual({ code: 'rateLimited', retryAfterMs: 3000 });
  expect(wasm.refusal(502, json('<html>'))).toEqual({ code: 'relayUnavailable', retryAfterMs: null });
  expect(wasm.refusal(418, new Uint8Array())).toEqual({ code: 'relayMisbehaved', retryAfterMs: null });
});
