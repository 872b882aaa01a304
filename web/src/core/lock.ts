import { boot } from './context';
import type { Mounted } from './context';
import { dropped } from './state';

const channelName = 'sotto.lock';

/** Locks this tab and all others of this browser. The store must have a lock: without one they open again at once. */
export async function lockAllTabs(mounted: Mounted): Promise<void> {
  const channel = new BroadcastChannel(channelName);
  channel.postMessage('lock');
  channel.close();
  await lockTab(mounted);
}

/** Locks this tab when another one says so; returns the function that stops listening. */
export function lockWithOthers(mounted: Mounted): () => void {
  const channel = new BroadcastChannel(channelName);
  channel.addEventListener('message', () => {
    const { phase } = mounted.state.getState().phase;
    if (phase === 'ready' || phase === 'otherTab') void lockTab(mounted);
  });
  return () => channel.close();
}

/**
 * The worker ends, and with it every key and message in its memory. Each change set is whole on disk or
 * not there, so that nothing is lost by it; the next worker finds a store that waits for its passphrase.
 */
async function lockTab(mounted: Mounted): Promise<void> {
  mounted.core.restart();
  mounted.state.setState(dropped, true);
  await boot(mounted, 'boot');
}
