import { useEffect, useState } from 'react';
import type { Conversation } from '../../core/calls';
import { useCore } from '../../core/context';
import type { Thread } from '../../core/state';

/** Read = on the screen: the conversation is open, the tab is looked at, the end is in view. */
export function useMarkRead(conversation: Conversation, thread: Thread | null, atEnd: boolean): void {
  const core = useCore();
  const looked = useLookedAt();
  const { groupId, unread } = conversation;
  const newest = thread?.messages.findLast((message) => message.seq !== null)?.seq ?? null;

  useEffect(() => {
    if (unread === 0 || newest === null || !looked || !atEnd) return;
    // A failure changes nothing: it is tried again with the next message or look.
    core.call('markRead', { groupId, uptoSeq: newest }).catch(() => undefined);
  }, [core, groupId, unread, newest, looked, atEnd]);
}

function useLookedAt(): boolean {
  const [looked, setLooked] = useState(isLookedAt);

  useEffect(() => {
    const update = () => setLooked(isLookedAt());
    window.addEventListener('focus', update);
    window.addEventListener('blur', update);
    document.addEventListener('visibilitychange', update);
    return () => {
      window.removeEventListener('focus', update);
      window.removeEventListener('blur', update);
      document.removeEventListener('visibilitychange', update);
    };
  }, []);

  return looked;
}

function isLookedAt(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
