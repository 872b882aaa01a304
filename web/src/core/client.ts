import { CoreError } from './calls';
import type { CallArgs, CallMessage, CallName, CallResult, CoreEvent, WorkerMessage } from './calls';
import { trustedScriptUrl } from './policy';

/** What the page sees of the core, whether it runs in a worker or is a script of a test. */
export type Core = {
  call<N extends CallName>(call: N, args: CallArgs<N>): Promise<CallResult<N>>;
  /** Returns the function that unsubscribes. */
  subscribe(listener: (event: CoreEvent) => void): () => void;
  /** Ends the worker and starts a new one; what was pending fails with `coreDied`. */
  restart(): void;
};

type Pending = { resolve: (result: CallResult<CallName>) => void; reject: (error: CoreError) => void };

/** The part of `Worker` that is used here. */
export type WorkerPort = Pick<Worker, 'postMessage' | 'terminate'> & {
  onmessage: ((event: MessageEvent<WorkerMessage>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
};

export function spawnWorker(url: string): WorkerPort {
  // The DOM types don't know yet that a worker takes a TrustedScriptURL.
  return new Worker(trustedScriptUrl(url) as string, { type: 'module', name: 'core' }) as WorkerPort;
}

/**
 * Calls by number, answers by the same number. A worker that dies (an uncaught error, a `fatal`
 * event) takes all its pending calls with it, and is never spoken to again: after a trap in wasm
 * the instance would still answer, wrongly.
 */
export function connectCore(spawn: () => WorkerPort): Core {
  const listeners = new Set<(event: CoreEvent) => void>();
  let pending = new Map<number, Pending>();
  let worker: WorkerPort | null = null;
  let nextId = 1;

  const emit = (event: CoreEvent) => {
    for (const listener of listeners) listener(event);
  };

  const stop = () => {
    worker?.terminate();
    worker = null;
    const lost = pending;
    pending = new Map();
    for (const call of lost.values()) call.reject(new CoreError('coreDied'));
  };

  const die = (event: CoreEvent) => {
    stop();
    emit(event);
  };

  const receive = (message: WorkerMessage) => {
    if ('event' in message) return message.event.type === 'fatal' ? die(message.event) : emit(message.event);
    const call = pending.get(message.id);
    pending.delete(message.id);
    if ('error' in message) call?.reject(new CoreError(message.error.code, message.error.retryAfterMs));
    else call?.resolve(message.result);
  };

  const start = () => {
    const started = spawn();
    started.onmessage = ({ data }) => {
      if (worker === started) receive(data);
    };
    started.onerror = started.onmessageerror = () => {
      if (worker === started) die({ type: 'fatal', code: 'coreDied' });
    };
    worker = started;
  };

  start();

  return {
    call: <N extends CallName>(call: N, args: CallArgs<N>) =>
      new Promise<CallResult<N>>((resolve, reject) => {
        if (!worker) return reject(new CoreError('coreDied'));
        const id = nextId++;
        pending.set(id, { resolve: resolve as Pending['resolve'], reject });
        worker.postMessage({ id, call, args } as CallMessage);
      }),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    restart: () => {
      stop();
      start();
    },
  };
}
