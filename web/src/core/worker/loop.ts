import { CoreError } from '../calls';
import type { CoreEvent } from '../calls';
import { refusalIn } from './engine';
import type { ChangeSet, Engine, EngineEvent, Load, Records, Request, Transmit } from './engine';
import { callsWaitingMax, timeoutMaxMs } from './limits';

/** The relay's answer to a request. */
export type Answer = { status: number; body: Uint8Array };

/** What the core's outputs go to. */
export type LoopPorts = {
  save(changes: ChangeSet): Promise<void>;
  load(load: Load): Promise<Records>;
  /** Null: no answer came. Never fails. */
  request(request: Request): Promise<Answer | null>;
  transmit(transmit: Transmit): void;
  event(event: CoreEvent): void;
  /** The loop can't go on: a failed save, an overtaken store, a trap. Its owner ends it. */
  failed(error: unknown): void;
  now(): number;
};

type Waiter = { resolve: (result: unknown) => void; reject: (error: CoreError) => void };
type Work<T> = (engine: Engine, now: number) => T;

/**
 * Drives the core: one call at a time, and after each the outputs in their order (**save before
 * send, send before show**). While a save is on its way to the disk the core is not called; what
 * arrives meanwhile waits its turn. After the end nothing is called, sent or shown any more.
 */
export class CoreLoop {
  readonly #engine: Engine;
  readonly #ports: LoopPorts;
  readonly #turns: (() => Promise<void>)[] = [];
  readonly #waiters = new Map<number, Waiter>();
  #turning = false;
  #callsWaiting = 0;
  #ended: CoreError | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timeoutWaits = false;

  constructor(engine: Engine, ports: LoopPorts) {
    this.#engine = engine;
    this.#ports = ports;
  }

  /** A call of the page: gives what `work` gives, once its changes are saved. */
  async call<T>(work: Work<T>): Promise<T> {
    if (this.#callsWaiting >= callsWaitingMax) throw new CoreError('misuse');
    this.#callsWaiting += 1;
    try {
      return await this.input(work);
    } finally {
      this.#callsWaiting -= 1;
    }
  }

  /** A call that ends with the event that carries the number which `work` gives. */
  async command<T>(work: Work<number>): Promise<T> {
    let done: Promise<T> | undefined;
    await this.call((engine, now) => {
      const command = work(engine, now);
      done = new Promise<T>((resolve, reject) => {
        this.#waiters.set(command, { resolve: resolve as Waiter['resolve'], reject });
      });
      // If draining fails, the caller hears of it by `call`, and this one has no listener.
      done.catch(() => {});
    });
    return done as Promise<T>;
  }

  /** Something that happened outside. */
  async input<T>(work: Work<T>): Promise<T> {
    return this.#inTurn(async () => work(this.#engine, this.#ports.now()));
  }

  /** Nothing is called after this; whatever waits fails with `error`. */
  end(error: CoreError): void {
    if (this.#ended) return;
    this.#ended = error;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
    void this.#takeTurns();
    // After a trap the instance must not be touched again, not even to free it.
    if (error.code !== 'coreDied') this.#engine.free();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#turns.push(async () => {
        try {
          const settle = await this.#attempt(work, resolve, reject);
          await this.#drain();
          settle();
        } catch (error) {
          reject(this.#ended ?? (error instanceof CoreError ? error : new CoreError('coreDied')));
          if (!this.#ended) this.#ports.failed(error);
        }
      });
      void this.#takeTurns();
    });
  }

  async #takeTurns(): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) await turn();
    this.#turning = false;
  }

  /** A refusal is an answer like any other: what the core wants done beside it is done first. */
  async #attempt<T>(
    work: () => Promise<T>,
    resolve: (result: T) => void,
    reject: (error: CoreError) => void,
  ): Promise<() => void> {
    this.#check();
    try {
      const result = await work();
      return () => resolve(result);
    } catch (error) {
      const refusal = refusalIn(error);
      if (!refusal) throw error;
      return () => reject(refusal);
    }
  }

  async #drain(): Promise<void> {
    const engine = this.#engine;
    for (const changes of this.#outputs(() => engine.pollSave())) await this.#ports.save(changes);
    for (const load of this.#outputs(() => engine.pollLoad())) void this.#load(load).catch(() => {});
    for (const request of this.#outputs(() => engine.pollRequest())) void this.#request(request).catch(() => {});
    for (const transmit of this.#outputs(() => engine.pollTransmit())) this.#ports.transmit(transmit);
    for (const event of this.#outputs(() => engine.pollEvent())) this.#show(event);
    this.#check();
    this.#wakeAt(engine.pollTimeout());
  }

  *#outputs<T>(poll: () => T | undefined): Generator<T> {
    for (;;) {
      this.#check();
      const output = poll();
      if (output === undefined) return;
      yield output;
    }
  }

  /** In a turn of its own, so that nothing is saved between reading and handing over. */
  async #load(load: Load): Promise<void> {
    return this.#inTurn(async () => {
      const records = await this.#ports.load(load);
      this.#check();
      this.#engine.handleLoaded(load.id, records, this.#ports.now());
    });
  }

  async #request(request: Request): Promise<void> {
    const answer = await this.#ports.request(request);
    return this.input((engine, now) => {
      if (answer) engine.handleAnswered(request.id, answer.status, answer.body, now);
      else engine.handleLost(request.id, now);
    });
  }

  #show(event: EngineEvent): void {
    if (event.type !== 'commandDone') return this.#ports.event(event);
    const waiter = this.#waiters.get(event.command);
    this.#waiters.delete(event.command);
    if ('Ok' in event.outcome) waiter?.resolve(event.outcome.Ok);
    else waiter?.reject(new CoreError(event.outcome.Err.code, event.outcome.Err.retryAfterMs));
  }

  #wakeAt(time: number | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined || this.#timeoutWaits) return;
    const wait = Math.min(Math.max(time - this.#ports.now(), 0), timeoutMaxMs);
    this.#timer = setTimeout(() => void this.#timeout().catch(() => {}), wait);
  }

  async #timeout(): Promise<void> {
    this.#timeoutWaits = true;
    return this.input((engine, now) => {
      this.#timeoutWaits = false;
      engine.handleTimeout(now);
    });
  }

  #check(): void {
    if (this.#ended) throw this.#ended;
  }
}
