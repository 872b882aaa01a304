import { useCallback, useEffect, useRef, useState } from 'react';
import type { GroupId } from '../../core/calls';
import { useCoreState, useMounted } from '../../core/context';
import { withPage } from '../../core/state';
import type { Thread } from '../../core/state';

const pageSize = 60;

export type ThreadQuery = { thread: Thread | null; failed: unknown; loadOlder: () => void; loadingOlder: boolean };

/** The messages of one conversation: the newest page at once, older ones when asked. */
export function useThread(groupId: GroupId): ThreadQuery {
  const { core, state } = useMounted();
  const thread = useCoreState((core_) => core_.threads[groupId] ?? null);
  const [failed, setFailed] = useState<unknown>(null);
  const [loadingOlder, setLoadingOlder] = useState(false);
  const under = useRef(false);

  useEffect(() => {
    let current = true;
    core.call('listMessages', { groupId, beforeSeq: null, limit: pageSize }).then(
      (page) => current && state.setState((before) => withPage(before, groupId, page, 'newest'), true),
      (error: unknown) => current && setFailed(error),
    );
    return () => {
      current = false;
    };
  }, [core, state, groupId]);

  const loadOlder = useCallback(() => {
    const known = state.getState().threads[groupId];
    const beforeSeq = known?.messages.find((message) => message.seq !== null)?.seq ?? null;
    if (!known || known.reachedStart || beforeSeq === null || under.current) return;
    under.current = true;
    setLoadingOlder(true);
    core
      .call('listMessages', { groupId, beforeSeq, limit: pageSize })
      .then((page) => state.setState((before) => withPage(before, groupId, page, 'older'), true), setFailed)
      .finally(() => {
        under.current = false;
        setLoadingOlder(false);
      });
  }, [core, state, groupId]);

  return { thread, failed, loadOlder, loadingOlder };
}
