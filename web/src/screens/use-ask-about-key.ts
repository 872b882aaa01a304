import { useEffect } from 'react';
import type { GroupId } from '../core/calls';
import { useCoreState, useMounted } from '../core/context';

/** A changed key is shown once by itself, when its conversation is open; after that on request. */
export function useAskAboutKey(groupId: GroupId, ask: () => void): void {
  const { state } = useMounted();
  const changed = useCoreState((mirror) => mirror.changedKeys[groupId] !== undefined);

  useEffect(() => {
    if (!changed) return;
    state.setState(({ changedKeys }) => ({ changedKeys: Object.fromEntries(Object.entries(changedKeys).filter(([id]) => id !== groupId)) }));
    ask();
  }, [state, changed, groupId, ask]);
}
