import { useCallback, useEffect, useState } from 'react';
import type { SessionView } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';

export type Sessions = { state: 'loading' } | { state: 'shown'; list: SessionView[] } | { state: 'failed'; error: unknown };

/** The live sessions, asked for again whenever the devices change or the relay is back, and on demand. */
export function useSessions(): [Sessions, () => void] {
  const core = useCore();
  const revision = useCoreState((state) => state.devicesRevision);
  const online = useCoreState((state) => state.connection.state === 'online');
  const [sessions, setSessions] = useState<Sessions>({ state: 'loading' });
  const [asked, setAsked] = useState(0);

  useEffect(() => {
    let current = true;
    core.call('listSessions', {}).then(
      (list) => current && setSessions({ state: 'shown', list }),
      (error: unknown) => current && setSessions({ state: 'failed', error }),
    );
    return () => {
      current = false;
    };
  }, [core, revision, online, asked]);

  return [sessions, useCallback(() => setAsked((times) => times + 1), [])];
}
