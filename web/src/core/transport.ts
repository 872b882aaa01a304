import type { Request, Transmit } from './worker/engine';
import type { Answer } from './worker/loop';
import {
  answerMaxBytes,
  frameBytesWaitingMax,
  framesWaitingMax,
  requestTimeoutMs,
  socketBufferMaxBytes,
  socketOpenTimeoutMs,
  transferStallMs,
} from './worker/limits';

const refreshPath = '/v1/sessions/refresh';
const accept = 'application/cbor, application/json, application/problem+json';

/** Sends a request of the core. Null: there was no answer, so nobody knows whether the relay did it. */
export async function send(request: Request, accessToken: string | undefined): Promise<Answer | null> {
  try {
    const response = await fetch(request.path, {
      method: request.method,
      headers: headersOf(request, accessToken),
      body: request.body as Uint8Array<ArrayBuffer> | null,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return { status: response.status, body: await wholeBody(response) };
  } catch {
    return null;
  }
}

function headersOf(request: Request, accessToken: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { Accept: accept };
  if (request.contentType) headers['Content-Type'] = request.contentType;
  if (request.bearer && accessToken) headers['Authorization'] = `Bearer ${accessToken}`;
  // The cookie alone must not be enough: another site could make the browser send it.
  if (request.method === 'POST' && request.path === refreshPath) headers['sotto-refresh'] = '1';
  return headers;
}

async function wholeBody(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.length;
    if (bytes > answerMaxBytes) {
      await reader?.cancel();
      throw new RangeError('the answer is longer than any honest one');
    }
    parts.push(part.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * Whether the relay still knows a session of this browser. It renews that session's cookie, so it is
 * asked only where no tab uses it: by the owner of an empty store.
 */
export async function knowsSession(timeoutMs: number): Promise<boolean> {
  return (await refreshed(timeoutMs))?.ok === true;
}

/**
 * Revokes this device by its cookie alone, where the store with its keys is closed or gone. False: the
 * relay doesn't answer, so nobody knows. Like `knowsSession` it is for somebody who owns the cookie.
 */
export async function endSession(timeoutMs: number): Promise<boolean> {
  const answer = await refreshed(timeoutMs);
  if (answer === null) return false;
  // No cookie, or one that is worth nothing any more: there is nothing to end.
  if (answer.status === 401 || answer.status === 403) return true;
  try {
    const { access_token: token } = (await answer.json()) as { access_token?: unknown };
    if (typeof token !== 'string') return false;
    const { ok } = await fetch('/v1/sessions/current', {
      method: 'DELETE',
      headers: { Accept: accept, Authorization: `Bearer ${token}` },
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return ok;
  } catch {
    return false;
  }
}

async function refreshed(timeoutMs: number): Promise<Response | null> {
  try {
    return await fetch(refreshPath, {
      method: 'POST',
      headers: { Accept: accept, 'Content-Type': 'application/json', 'sotto-refresh': '1' },
      body: '{}',
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    return null;
  }
}

export type SocketInputs = {
  opened(): void;
  /** Null: the connection went away without a word. */
  closed(code: number | null): void;
  /** Done when the core has taken the frame and saved what it changed. */
  frame(bytes: Uint8Array): Promise<void>;
};

/** Closed by this side because too much was waiting: the core is told of a connection that was lost. */
const overflowCloseCode = 4003;

/** The one socket to the relay. When to open and close it is the core's decision. */
export class RelaySocket {
  readonly #inputs: SocketInputs;
  readonly #url: string;
  #socket: WebSocket | null = null;
  #openTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(inputs: SocketInputs, origin: string) {
    this.#inputs = inputs;
    this.#url = `${origin.replace(/^http/, 'ws')}/v1/socket`;
  }

  transmit(transmit: Transmit): void {
    if (transmit === 'open') return this.#open();
    if (transmit === 'close') return this.close();
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(transmit as Uint8Array<ArrayBuffer>);
    if (socket.bufferedAmount > socketBufferMaxBytes) this.#lose(socket, null);
  }

  /** Without a word to the core: it knows. */
  close(): void {
    const socket = this.#socket;
    this.#forget();
    socket?.close();
  }

  #open(): void {
    this.close();
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#openTimer = setTimeout(() => this.#lose(socket, null), socketOpenTimeoutMs);
    let framesWaiting = 0;
    let bytesWaiting = 0;
    socket.addEventListener('open', () => {
      if (this.#socket !== socket) return;
      clearTimeout(this.#openTimer);
      this.#inputs.opened();
    });
    socket.addEventListener('close', ({ code }) => this.#lose(socket, code === 1005 || code === 1006 ? null : code));
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (this.#socket !== socket) return;
      if (!(data instanceof ArrayBuffer)) return this.#lose(socket, null);
      const bytes = new Uint8Array(data);
      framesWaiting += 1;
      bytesWaiting += bytes.length;
      if (framesWaiting > framesWaitingMax || bytesWaiting > frameBytesWaitingMax) return this.#lose(socket, null);
      const taken = () => {
        framesWaiting -= 1;
        bytesWaiting -= bytes.length;
      };
      this.#inputs.frame(bytes).then(taken, taken);
    });
  }

  #lose(socket: WebSocket, code: number | null): void {
    if (this.#socket !== socket) return;
    this.#forget();
    if (socket.readyState <= WebSocket.OPEN) socket.close(overflowCloseCode);
    this.#inputs.closed(code);
  }

  #forget(): void {
    clearTimeout(this.#openTimer);
    this.#socket = null;
  }
}

/** Sends a container. XMLHttpRequest, because `fetch` doesn't tell how much of a body has left. */
export async function putBlob(
  path: string,
  headers: Record<string, string>,
  body: Blob,
  progress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<Answer | null> {
  if (signal.aborted) return null;
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    let stall = setTimeout(() => xhr.abort(), transferStallMs);
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(() => xhr.abort(), transferStallMs);
    };
    const abort = () => xhr.abort();
    xhr.open('PUT', path);
    xhr.responseType = 'arraybuffer';
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener('progress', ({ loaded }) => {
      alive();
      progress(loaded);
    });
    xhr.addEventListener('loadend', () => {
      clearTimeout(stall);
      signal.removeEventListener('abort', abort);
      const answer = xhr.response instanceof ArrayBuffer ? new Uint8Array(xhr.response) : new Uint8Array();
      resolve(xhr.status === 0 ? null : { status: xhr.status, body: answer });
    });
    signal.addEventListener('abort', abort);
    xhr.send(body);
  });
}

/**
 * Fetches a container from `offset` on and hands over its bytes as they come. Gives the refusal if
 * there is one, `complete` at the end of the body, null if the connection was lost on the way.
 */
export async function getBlob(
  path: string,
  headers: Record<string, string>,
  offset: number,
  take: (bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<Answer | 'complete' | null> {
  const stalled = new AbortController();
  let stall = setTimeout(() => stalled.abort(), transferStallMs);
  try {
    const response = await fetch(path, {
      headers: offset > 0 ? { ...headers, Range: `bytes=${offset}-` } : headers,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    if (!response.ok) return { status: response.status, body: await wholeBody(response) };
    // A relay may answer a range with the whole.
    let skip = response.status === 206 ? 0 : offset;
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      clearTimeout(stall);
      stall = setTimeout(() => stalled.abort(), transferStallMs);
      const bytes = part.value.subarray(Math.min(skip, part.value.length));
      skip -= part.value.length - bytes.length;
      if (bytes.length > 0) take(bytes);
    }
    return 'complete';
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException) return null;
    throw error;
  } finally {
    clearTimeout(stall);
  }
}
