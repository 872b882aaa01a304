import { useEffect } from 'react';
import { useCoreState } from '../../core/context';
import { unreadTotal } from '../../core/state';
import { text } from '../../text/en';

/** Unread messages in the tab's title and on the app's icon. */
export function useBadge(): number {
  const unread = useCoreState((state) => unreadTotal(state.conversations));

  useEffect(() => {
    document.title = text.unreadTitle(unread);
    // Installed apps only; elsewhere the browser refuses, and that is fine.
    navigator.setAppBadge?.(unread).catch(() => undefined);
    return () => {
      document.title = text.app;
      navigator.clearAppBadge?.().catch(() => undefined);
    };
  }, [unread]);

  return unread;
}
