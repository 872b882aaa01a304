import { expect, test, vi } from 'vitest';
import type { CoreEvent } from '../calls';
import { CoreError } from '../calls';
import type { putBlob } from '../transport';
import type { Engine, FileOpener, FileSealer } from './engine';
import { Transfers } from './files';
import type { FilePorts } from './files';
import { fileStepBytes } from './limits';
import { CoreLoop } from './loop';
import { scriptedEngine } from './scripted-engine';

const fileMaxBytes = 3 * fileStepBytes;
const file = new File([new Uint8Array(2 * fileStepBytes + 5).fill(7)], 'a.bin', { type: 'image/png' });
const pick = { groupId: 'g', file, caption: '', image: null };

/** Seals by adding one to each byte, which is enough to tell sealed from not. */
function sealer(): FileSealer {
  return {
    messageId: 'm',
    path: '/v1/blobs/b',
    capabilityHash: 'hash',
    seal: (plaintext) => plaintext.map((byte) => byte + 1),
    finish: () => new Uint8Array([0xff]),
    free: () => {},
  };
}

function opener(sealedBytes: number, open: FileOpener['open'] = (bytes) => bytes.map((byte) => byte - 1)): FileOpener {
  return { path: '/v1/blobs/b', capability: 'cap', sealedBytes, open, finish: () => {}, free: () => {} };
}

function damaged(): never {
  throw { code: 'fileDamaged', retryAfterMs: null };
}

function transfersOver(calls: Partial<Engine>, ports: Partial<FilePorts>) {
  const told: unknown[] = [];
  const events: CoreEvent[] = [];
  const { engine, outputs } = scriptedEngine({
    accessToken: () => 'token',
    beginFile: () => sealer(),
    finishFile: (messageId) => void told.push(['finished', messageId]),
    failFile: (messageId, code) => void told.push(['failed', messageId, code]),
    resumeFile: (messageId) => void told.push(['resumed', messageId]),
    cancelFile: (messageId) => void told.push(['cancelled', messageId]),
    openFile: () => {
      outputs.events.push({ type: 'commandDone', command: 1, outcome: { Ok: { sizeBytes: 4 } } });
      return 1;
    },
    ...calls,
  });
  const loop = new CoreLoop(engine, {
    save: async () => {},
    load: async () => [],
    request: async () => null,
    transmit: () => {},
    event: () => {},
    failed: (error) => void told.push(['loop failed', error]),
    now: Date.now,
  });
  const transfers = new Transfers({
    loop,
    limits: { fileMaxBytes },
    put: async () => ({ status: 201, body: new Uint8Array() }),
    get: async () => 'complete',
    refusal: () => ({ code: 'relayFull', retryAfterMs: null }),
    event: (event) => void events.push(event),
    failed: (error) => void told.push(['failed', error]),
    ...ports,
  });
  return { transfers, told, events };
}

const answer = (status: number) => ({ status, body: new Uint8Array() });

test('a file on its way up opens from where it came, without the relay', async () => {
  let arrive: (answered: ReturnType<typeof answer>) => void = () => {};
  const arrived = new Promise<ReturnType<typeof answer>>((resolve) => { arrive = resolve; });
  const { transfers, told } = transfersOver({}, { put: () => arrived });

  const { messageId } = await transfers.send(pick);
  const { blob } = await transfers.open({ groupId: 'g', messageId });

  expect(blob).toBe(file);
  arrive(answer(201));
  await vi.waitFor(() => expect(told).toEqual([['finished', 'm']]));
});

test('a file is sealed in steps and sent with its capability, and its message follows', async () => {
  const sent: { headers: Record<string, string>; bytes: Uint8Array }[] = [];
  const steps: number[] = [];
  const counting = { ...sealer(), seal: (plaintext: Uint8Array) => (steps.push(plaintext.length), plaintext) };
  const { transfers, told, events } = transfersOver(
    { beginFile: () => counting },
    {
      put: async (_path, headers, body) => {
        sent.push({ headers, bytes: new Uint8Array(await body.arrayBuffer()) });
        return answer(201);
      },
    },
  );

  expect(await transfers.send(pick)).toEqual({ messageId: 'm' });
  await vi.waitFor(() => expect(told).toEqual([['finished', 'm']]));

  expect(steps).toEqual([fileStepBytes, fileStepBytes, 5]);
  expect(sent[0]?.headers).toEqual({ Authorization: 'Bearer token', 'sotto-capability-hash': 'hash' });
  expect(sent[0]?.bytes).toHaveLength(file.size + 1);
  expect(events.at(-1)).toMatchObject({ type: 'transferProgress', doneBytes: file.size, totalBytes: file.size });
});

test('a lost upload sends the very same bytes again as soon as the network is back', async () => {
  const sent: Blob[] = [];
  const put: typeof putBlob = async (_path, _headers, body) => {
    sent.push(body);
    return sent.length === 1 ? null : answer(201);
  };
  const { transfers, told } = transfersOver({}, { put });

  await transfers.send(pick);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  await vi.waitFor(() => {
    transfers.wake();
    expect(told).toEqual([['finished', 'm']]);
  });

  expect(sent).toHaveLength(2);
  expect(sent[1]).toBe(sent[0]);
});

test('an id that is taken after a try without an answer means that the try had arrived', async () => {
  const answers = [null, answer(409)];
  const { transfers, told } = transfersOver({}, { put: async () => answers.shift() ?? null });

  await transfers.send(pick);

  await vi.waitFor(() => {
    transfers.wake();
    expect(told).toEqual([['finished', 'm']]);
  });
});

test('a refusal fails the message with its reason, and its bytes can be sent again', async () => {
  const answers = [answer(507), answer(201)];
  const { transfers, told } = transfersOver({}, { put: async () => answers.shift() ?? null });
  await transfers.send(pick);
  await vi.waitFor(() => expect(told).toEqual([['failed', 'm', 'relayFull']]));

  expect(await transfers.retry('m')).toBe(true);

  await vi.waitFor(() => expect(told.slice(1)).toEqual([['resumed', 'm'], ['finished', 'm']]));
  expect(await transfers.retry('m')).toBe(false);
});

test('a file above the limit, or one that cannot be read, is refused before anything is shown', async () => {
  const beginFile = vi.fn<Engine['beginFile']>(() => sealer());
  const { transfers } = transfersOver({ beginFile }, {});
  const large = new File([new Uint8Array(fileMaxBytes + 1)], 'large');
  const gone = new File([new Uint8Array(1)], 'gone');
  gone.slice = () => Object.assign(new Blob(), { arrayBuffer: async () => Promise.reject(new DOMException('gone')) });

  await expect(transfers.send({ ...pick, file: large })).rejects.toMatchObject({ code: 'fileTooLarge' });
  await expect(transfers.send({ ...pick, file: gone })).rejects.toMatchObject({ code: 'fileUnreadable' });

  expect(beginFile).not.toHaveBeenCalled();
});

test('a cancelled upload aborts its request and takes its message away', async () => {
  let state: 'waiting' | 'sending' | 'aborted' = 'waiting';
  const { transfers, told } = transfersOver(
    {},
    {
      put: async (_path, _headers, _body, _progress, signal) =>
        new Promise((resolve) => {
          state = 'sending';
          signal.addEventListener('abort', () => {
            state = 'aborted';
            resolve(null);
          });
        }),
    },
  );
  await transfers.send(pick);
  await vi.waitFor(() => expect(state).toBe('sending'));

  await transfers.cancel('m');
  await transfers.cancel('m');

  expect(state).toBe('aborted');
  expect(told).toEqual([['cancelled', 'm']]);
});

test('a download goes on where it was cut, and gives the opened bytes', async () => {
  const offsets: number[] = [];
  const { transfers, events } = transfersOver(
    { takeFile: () => opener(4) },
    {
      get: async (_path, headers, offset, take) => {
        expect(headers).toEqual({ Authorization: 'Bearer token', 'sotto-capability': 'cap' });
        offsets.push(offset);
        take(offset === 0 ? new Uint8Array([2, 3]) : new Uint8Array([4, 5]));
        return offset === 0 ? null : 'complete';
      },
    },
  );

  const opening = transfers.open({ groupId: 'g', messageId: 'm' });
  await vi.waitFor(() => {
    transfers.wake();
    expect(offsets).toEqual([0, 2]);
  });

  expect(new Uint8Array(await (await opening).blob.arrayBuffer())).toEqual(new Uint8Array([1, 2, 3, 4]));
  expect(events.at(-1)).toMatchObject({ direction: 'down', doneBytes: 4, totalBytes: 4 });
});

test('a container that fails its checks, or is longer than it may be, gives no file', async () => {
  const openers = [opener(4, damaged), opener(3)];
  const { transfers } = transfersOver(
    { takeFile: () => openers.shift() as FileOpener },
    { get: async (_path, _headers, _offset, take) => (take(new Uint8Array(4)), 'complete') },
  );

  await expect(transfers.open({ groupId: 'g', messageId: 'm' })).rejects.toMatchObject({ code: 'fileDamaged' });
  await expect(transfers.open({ groupId: 'g', messageId: 'm' })).rejects.toMatchObject({ code: 'fileDamaged' });
});

test('two openings of one file are one download, and a cancelled one says so', async () => {
  const gets = vi.fn<FilePorts['get']>(
    async (_path, _headers, _offset, _take, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
  );
  const { transfers } = transfersOver({ takeFile: () => opener(4) }, { get: gets });
  const openings = [1, 2].map(async () => transfers.open({ groupId: 'g', messageId: 'm' }));
  const ends = Promise.allSettled(openings);
  await vi.waitFor(() => expect(gets).toHaveBeenCalled());

  await transfers.cancel('m');

  for (const end of await ends) expect(end).toMatchObject({ reason: new CoreError('cancelled') });
  expect(gets).toHaveBeenCalledTimes(1);
});

test('a file that the relay has no more is gone', async () => {
  const { transfers } = transfersOver({ takeFile: () => opener(4) }, { get: async () => answer(404) });

  await expect(transfers.open({ groupId: 'g', messageId: 'm' })).rejects.toMatchObject({ code: 'fileGone' });
});
