import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CoreEvent, OwnProfile } from '../calls';
import { CoreError } from '../calls';
import type { Engine, Request } from './engine';
import { callsWaitingMax } from './limits';
import { CoreLoop } from './loop';
import type { LoopPorts } from './loop';
import { scriptedEngine } from './scripted-engine';

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

const request: Request = { id: 7, method: 'POST', path: '/v1/x', bearer: true, contentType: null, body: null };
const devicesChanged: CoreEvent = { type: 'devicesChanged' };

function loopOver(calls: Partial<Engine>, ports: Partial<LoopPorts> = {}) {
  const log: string[] = [];
  const failures: unknown[] = [];
  const { engine, outputs } = scriptedEngine(calls);
  const loop: CoreLoop = new CoreLoop(engine, {
    save: async (changes) => void log.push(`save ${changes.map(([key]) => key).join()}`),
    load: async ({ prefix }) => {
      log.push(`load ${prefix}`);
      return [];
    },
    request: async ({ path }) => {
      log.push(`request ${path}`);
      return null;
    },
    transmit: (transmit) => void log.push(`transmit ${String(transmit)}`),
    event: ({ type }) => void log.push(`event ${type}`),
    failed: (error) => {
      failures.push(error);
      loop.end(error instanceof CoreError ? error : new CoreError('coreDied'));
    },
    now: Date.now,
    ...ports,
  });
  return { loop, outputs, log, failures };
}

/** Something that a test lets happen when it wants. */
function gate() {
  let open: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open?.(), opened };
}

test('saves come before requests, requests before transmits, transmits before events; a load gets a turn of its own', async () => {
  const { loop, outputs, log } = loopOver({ connect: () => {}, handleLoaded: () => {}, handleLost: () => {} });
  outputs.events.push(devicesChanged);
  outputs.transmits.push('open');
  outputs.requests.push(request);
  outputs.loads.push({ id: 1, prefix: 'group/', before: null, limit: 10 });
  outputs.saves.push([['a', null]], [['b', null]]);

  await loop.call((engine, now) => engine.connect(now));

  expect(log).toEqual(['save a', 'save b', 'request /v1/x', 'transmit open', 'event devicesChanged', 'load group/']);
});

test('nothing is sent, shown or called while a save is on its way', async () => {
  const disk = gate();
  const called: string[] = [];
  const { loop, outputs, log } = loopOver(
    { sendText: () => (called.push('sendText'), 'm'), handleFrame: () => void called.push('handleFrame') },
    { save: async () => disk.opened },
  );
  outputs.saves.push([['a', null]]);
  outputs.transmits.push('open');
  outputs.events.push(devicesChanged);

  let answered = false;
  const call = loop.call((engine, now) => engine.sendText('g', 'hello', now)).then(() => (answered = true));
  const frame = loop.input((engine, now) => engine.handleFrame(new Uint8Array(), now));
  await vi.advanceTimersByTimeAsync(10);
  const during = { answered, called: [...called], log: [...log] };
  disk.open();
  await Promise.all([call, frame]);

  expect(during).toEqual({ answered: false, called: ['sendText'], log: [] });
  expect(called).toEqual(['sendText', 'handleFrame']);
  expect(log).toEqual(['transmit open', 'event devicesChanged']);
});

test('a failed save sends nothing, shows nothing, and fails the call', async () => {
  const { loop, outputs, log, failures } = loopOver(
    { sendText: () => 'm' },
    { save: async () => Promise.reject(new CoreError('storeFailed')) },
  );
  outputs.saves.push([['a', null]]);
  outputs.transmits.push('open');
  outputs.events.push(devicesChanged);

  await expect(loop.call((engine, now) => engine.sendText('g', 'x', now))).rejects.toMatchObject({ code: 'storeFailed' });

  expect(log).toEqual([]);
  expect(failures).toHaveLength(1);
});

test('a refused command is an answer, and the core lives on', async () => {
  const refused = { code: 'textTooLong', retryAfterMs: null };
  const { loop, outputs, log, failures } = loopOver({
    sendText: () => {
      throw refused;
    },
    profile: () => null,
  });
  outputs.saves.push([['a', null]]);

  await expect(loop.call((engine, now) => engine.sendText('g', 'x', now))).rejects.toMatchObject({ code: 'textTooLong' });

  expect(log).toEqual(['save a']);
  expect(failures).toEqual([]);
  expect(await loop.call((engine) => engine.profile())).toBeNull();
});

test('after a trap the core is not touched any more, not even to free it', async () => {
  const free = vi.fn<Engine['free']>();
  const { loop, failures } = loopOver({
    free,
    profile: () => {
      throw new WebAssembly.RuntimeError('unreachable');
    },
  });
  const waiting = loop.call((engine) => engine.devices());
  const trapped = loop.call((engine) => engine.profile());
  await expect(waiting).rejects.toMatchObject({ code: 'coreDied' });
  await expect(trapped).rejects.toMatchObject({ code: 'coreDied' });
  await expect(loop.call((engine) => engine.profile())).rejects.toMatchObject({ code: 'coreDied' });

  expect(failures).toHaveLength(1);
  expect(free).not.toHaveBeenCalled();
});

test('a command ends with the event of its number', async () => {
  const { loop, outputs, log } = loopOver({ checkHandle: () => 4, createAccount: () => 5, handleTimeout: () => {} });
  const free = loop.command((engine, now) => engine.checkHandle('ada', now));
  const account = { handle: 'ada', displayName: 'Ada', colour: 0, password: 'p', deviceName: 'd', invite: '' };
  const taken = loop.command<{ profile: OwnProfile }>((engine, now) => engine.createAccount(account, now));
  taken.catch(() => {});
  await vi.advanceTimersByTimeAsync(0);

  outputs.events.push(
    { type: 'commandDone', command: 5, outcome: { Err: { code: 'handleTaken', retryAfterMs: null } } },
    { type: 'commandDone', command: 4, outcome: { Ok: { availability: 'free' } } },
  );
  await loop.input((engine, now) => engine.handleTimeout(now));

  expect(await free).toEqual({ availability: 'free' });
  await expect(taken).rejects.toMatchObject({ code: 'handleTaken' });
  expect(log).toEqual([]);
});

test('what was read from the store is handed over before anything else is called', async () => {
  const disk = gate();
  const called: string[] = [];
  const { loop, outputs } = loopOver(
    {
      connect: () => {},
      handleLoaded: (id) => void called.push(`loaded ${id}`),
      handleFrame: () => void called.push('frame'),
    },
    { load: async () => disk.opened.then(() => []) },
  );
  outputs.loads.push({ id: 3, prefix: 'group/', before: null, limit: 1 });

  await loop.call((engine, now) => engine.connect(now));
  const frame = loop.input((engine, now) => engine.handleFrame(new Uint8Array(), now));
  disk.open();
  await frame;

  expect(called).toEqual(['loaded 3', 'frame']);
});

test('an answer goes back under the number of its request, and so does its loss', async () => {
  const back: unknown[] = [];
  const answers = [{ status: 204, body: new Uint8Array() }, null];
  const { loop, outputs } = loopOver(
    {
      connect: () => {},
      handleAnswered: (id, status) => void back.push([id, status]),
      handleLost: (id) => void back.push([id, 'lost']),
    },
    { request: async () => answers.shift() ?? null },
  );
  outputs.requests.push(request, { ...request, id: 8 });

  await loop.call((engine, now) => engine.connect(now));
  await vi.waitFor(() => expect(back).toHaveLength(2));

  expect(back).toEqual([
    [7, 204],
    [8, 'lost'],
  ]);
});

test('the core is called when its time has come, once', async () => {
  const times: number[] = [];
  const { loop, outputs } = loopOver({
    connect: () => {},
    handleTimeout: (now) => {
      times.push(now);
      outputs.timeout = undefined;
    },
  });
  outputs.timeout = 3_500;

  await loop.call((engine, now) => engine.connect(now));
  await vi.advanceTimersByTimeAsync(2_499);
  const early = [...times];
  await vi.advanceTimersByTimeAsync(10_000);

  expect(early).toEqual([]);
  expect(times).toEqual([3_500]);
});

test('after the end, what waits fails and nothing is called', async () => {
  const disk = gate();
  const { loop, outputs, log } = loopOver({ connect: () => {}, checkHandle: () => 1 }, { save: async () => disk.opened });
  const command = loop.command((engine, now) => engine.checkHandle('ada', now));
  command.catch(() => {});
  await vi.advanceTimersByTimeAsync(0);
  outputs.saves.push([['a', null]]);
  outputs.events.push(devicesChanged);
  const saving = loop.call((engine, now) => engine.connect(now));
  const waiting = loop.call((engine) => engine.profile());
  const ends = Promise.allSettled([command, saving, waiting]);
  await vi.advanceTimersByTimeAsync(0);

  loop.end(new CoreError('takenOver'));
  disk.open();

  for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'takenOver' } });
  expect(log).toEqual([]);
});

test('a page that calls without waiting is refused at the limit', async () => {
  const disk = gate();
  const { loop, outputs } = loopOver({ profile: () => null }, { save: async () => disk.opened });
  outputs.saves.push([['a', null]]);
  const calls = Array.from({ length: callsWaitingMax }, async () => loop.call((engine) => engine.profile()));

  await expect(loop.call((engine) => engine.profile())).rejects.toMatchObject({ code: 'misuse' });

  disk.open();
  expect(await Promise.all(calls)).toHaveLength(callsWaitingMax);
});
