import { lockHandoverMs } from './limits';

const lockName = 'sotto';

/** The tab that holds it owns the store. */
export type Lock = { release(): void };

/**
 * `wait`: gives null if another tab keeps the lock beyond the moment that a page needs to be
 * reloaded. `steal`: takes it in any case. `lost` is called when another tab has stolen it from here.
 */
export async function acquireLock(how: 'wait' | 'steal', lost: () => void): Promise<Lock | null> {
  return new Promise((resolve) => {
    let held = false;
    const hold = async () => {
      held = true;
      return new Promise<void>((release) => resolve({ release }));
    };
    const options = how === 'steal' ? { steal: true } : { signal: AbortSignal.timeout(lockHandoverMs) };
    navigator.locks.request(lockName, options, hold).catch(() => {
      if (held) lost();
      else resolve(null);
    });
  });
}
