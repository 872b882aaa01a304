import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RelaySocket, getBlob, knowsSession, send } from './transport';
import type { Request } from './worker/engine';
import { answerMaxBytes, framesWaitingMax, socketOpenTimeoutMs } from './worker/limits';

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { fetch } = globalThis;
  // In a worker a path is enough, because it has an origin.
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => fetch(`${origin}${path}`, init));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
});

const request: Request = {
  id: 1,
  method: 'POST',
  path: '/v1/groups',
  bearer: true,
  contentType: 'application/cbor',
  body: new Uint8Array([1, 2, 3]),
};

test('a request carries its body, its type and the access token', async () => {
  const seen: unknown[] = [];
  answer = (incoming, response) => {
    const { method, url, headers } = incoming;
    seen.push(method, url, headers['content-type'], headers.authorization, headers['sotto-refresh']);
    incoming.on('data', (bytes: Buffer) => seen.push([...bytes]));
    incoming.on('end', () => response.writeHead(409).end('{"code":1}'));
  };

  const got = await send(request, 'token');

  expect(seen).toEqual(['POST', '/v1/groups', 'application/cbor', 'Bearer token', undefined, [1, 2, 3]]);
  expect(got).toEqual({ status: 409, body: new TextEncoder().encode('{"code":1}') });
});

test('only a request that asks for the access token carries it', async () => {
  let authorization: string | undefined = 'not asked';
  answer = ({ headers }, response) => {
    ({ authorization } = headers);
    response.end();
  };

  await send({ ...request, bearer: false }, 'token');

  expect(authorization).toBeUndefined();
});

test('only the refresh of a session carries the header that a foreign site cannot set', async () => {
  const seen: unknown[] = [];
  answer = ({ url, headers }, response) => {
    seen.push([url, headers['sotto-refresh']]);
    response.writeHead(url === '/v1/sessions/refresh' ? 200 : 404).end();
  };

  await send({ ...request, path: '/v1/sessions/refresh', bearer: false }, undefined);
  const known = await knowsSession(5_000);
  await send(request, undefined);

  expect(known).toBe(true);
  expect(seen).toEqual([
    ['/v1/sessions/refresh', '1'],
    ['/v1/sessions/refresh', '1'],
    ['/v1/groups', undefined],
  ]);
});

test('a relay that refuses or cannot be reached knows no session', async () => {
  answer = (_incoming, response) => void response.writeHead(401).end();
  const refused = await knowsSession(5_000);
  answer = (_incoming, response) => void response.destroy();
  const lost = await knowsSession(5_000);

  expect([refused, lost]).toEqual([false, false]);
});

test('a connection that is cut before or within the answer is a lost answer', async () => {
  answer = (_incoming, response) => void response.destroy();
  const before = await send(request, 'token');
  answer = (_incoming, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  const within = await send(request, 'token');

  expect([before, within]).toEqual([null, null]);
});

test('an answer above the limit is not read to its end', async () => {
  let closed: Promise<unknown> = Promise.resolve();
  answer = (_incoming, response) => {
    closed = new Promise((resolve) => response.on('close', resolve));
    response.on('error', () => {});
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024)));
    };
    response.on('drain', more);
    more();
  };

  expect(await send(request, 'token')).toBeNull();
  await closed;
  expect(answerMaxBytes).toBeLessThan(16 * 1024 * 1024);
});

test('a download asks for the rest by range, and skips what an unranged answer repeats', async () => {
  const ranges: unknown[] = [];
  const container = Buffer.from([0, 1, 2, 3, 4, 5]);
  let ranged = true;
  answer = ({ headers }, response) => {
    ranges.push(headers.range);
    if (ranged && headers.range) response.writeHead(206).end(container.subarray(4));
    else response.writeHead(200).end(container);
  };
  const got: number[][] = [];
  const fetchFrom = async (offset: number) => {
    const bytes: number[] = [];
    const end = await getBlob('/v1/blobs/b', {}, offset, (part) => bytes.push(...part), new AbortController().signal);
    got.push(bytes);
    return end;
  };

  const ends = [await fetchFrom(0), await fetchFrom(4)];
  ranged = false;
  ends.push(await fetchFrom(4));

  expect(ends).toEqual(['complete', 'complete', 'complete']);
  expect(ranges).toEqual([undefined, 'bytes=4-', 'bytes=4-']);
  expect(got).toEqual([[0, 1, 2, 3, 4, 5], [4, 5], [4, 5]]);
});

test('a download tells a refusal from a lost connection', async () => {
  const { signal } = new AbortController();
  answer = (_incoming, response) => void response.writeHead(404).end('{}');
  const refused = await getBlob('/v1/blobs/b', {}, 0, () => {}, signal);
  answer = (_incoming, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  const lost = await getBlob('/v1/blobs/b', {}, 0, () => {}, signal);

  expect(refused).toMatchObject({ status: 404 });
  expect(lost).toBeNull();
});

/** The browser's socket, moved by hand. */
class HandSocket extends EventTarget {
  static readonly OPEN = 1;
  static readonly made: HandSocket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  binaryType = '';
  sent: unknown[] = [];
  closedWith: unknown[] = [];

  constructor(readonly url: string) {
    super();
    HandSocket.made.push(this);
  }

  send(bytes: unknown): void {
    this.sent.push(bytes);
  }

  close(code?: number): void {
    this.readyState = 2;
    this.closedWith.push(code);
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  end(code: number): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

function socketUnderTest(frame: (bytes: Uint8Array) => Promise<void> = async () => {}) {
  vi.stubGlobal('WebSocket', HandSocket);
  const log: unknown[] = [];
  const socket = new RelaySocket(
    { opened: () => void log.push('opened'), closed: (code) => void log.push(['closed', code]), frame },
    'https://relay.example',
  );
  socket.transmit('open');
  return { socket, log, hand: HandSocket.made.at(-1) as HandSocket };
}

test('a socket goes to the origin of the page, in binary', () => {
  const { hand, log } = socketUnderTest();

  hand.open();

  expect(hand.url).toBe('wss://relay.example/v1/socket');
  expect(hand.binaryType).toBe('arraybuffer');
  expect(log).toEqual(['opened']);
});

test('the code of a closed socket reaches the core, and its absence too', () => {
  const codes = [4001, 1006, 1005].map((code) => {
    const { hand, log } = socketUnderTest();
    hand.open();
    hand.end(code);
    return log.at(-1);
  });

  expect(codes).toEqual([
    ['closed', 4001],
    ['closed', null],
    ['closed', null],
  ]);
});

test('nothing is heard of a socket that the core has closed or replaced', () => {
  const { socket, hand, log } = socketUnderTest();
  hand.open();

  socket.transmit('open');
  hand.receive(new ArrayBuffer(1));
  hand.end(1000);

  expect(log).toEqual(['opened']);
  expect(hand.closedWith).toHaveLength(1);
});

test('a socket that does not open in time is lost', () => {
  vi.useFakeTimers();
  const { hand, log } = socketUnderTest();

  vi.advanceTimersByTime(socketOpenTimeoutMs);
  hand.open();

  expect(log).toEqual([['closed', null]]);
});

test('frames beyond what may wait for the core close the socket', async () => {
  const taken: Uint8Array[] = [];
  const { hand, log } = socketUnderTest(async (bytes) => {
    taken.push(bytes);
    return new Promise(() => {});
  });
  hand.open();

  for (let frames = 0; frames <= framesWaitingMax; frames += 1) hand.receive(new ArrayBuffer(8));
  hand.receive(new ArrayBuffer(8));

  expect(taken).toHaveLength(framesWaitingMax);
  expect(log).toEqual(['opened', ['closed', null]]);
  expect(hand.closedWith).toHaveLength(1);
});

test('frames are sent on an open socket only', () => {
  const { socket, hand } = socketUnderTest();
  const frame = new Uint8Array([1]);

  socket.transmit(frame);
  hand.open();
  socket.transmit(frame);

  expect(hand.sent).toEqual([frame]);
});
