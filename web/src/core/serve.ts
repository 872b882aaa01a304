import { CoreError } from './calls';
import type { CallMessage, CallName, CoreEvent, CoreHandlers, WorkerMessage } from './calls';

/** The part of the worker's global scope that is used here. */
export type PagePort = {
  postMessage(message: WorkerMessage): void;
  onmessage: ((event: MessageEvent<CallMessage>) => void) | null;
};

/**
 * The worker's half of `client.ts`: answers calls from `handlers`, returns how to send events.
 * Whatever a handler throws that is no `CoreError` (a trap in wasm above all) ends the worker's
 * life: it is told as `fatal`, and nothing is answered any more.
 */
export function serve(port: PagePort, handlers: CoreHandlers): (event: CoreEvent) => void {
  let dead = false;

  const answer = (message: WorkerMessage) => {
    if (!dead) port.postMessage(message);
  };

  const fail = (id: number, error: unknown) => {
    if (error instanceof CoreError) {
      return answer({ id, error: { code: error.code, retryAfterMs: error.retryAfterMs } });
    }
    answer({ event: { type: 'fatal', code: 'coreDied' } });
    dead = true;
  };

  port.onmessage = ({ data }) => {
    if (dead) return;
    const handler = handlers[data.call] as CoreHandlers[CallName] | undefined;
    if (!handler) return fail(data.id, new CoreError('misuse'));
    (handler as (args: unknown) => Promise<never>)(data.args).then(
      (result) => answer({ id: data.id, result }),
      (error: unknown) => fail(data.id, error),
    );
  };

  return (event) => answer({ event });
}
