import { useEffect } from 'react';
import { useLocation } from 'wouter';
import type { Message } from '../../core/calls';
import { useMounted } from '../../core/context';
import { settings } from '../../core/settings';
import type { CoreState } from '../../core/state';
import { text } from '../../text/en';
import { plainText } from '../../text/markup';

/** Tells about new messages while nobody looks at this tab. */
export function useNotifier(): void {
  const { core, state } = useMounted();
  const [, navigate] = useLocation();

  useEffect(() => {
    const open = new Set<Notification>();
    const unsubscribe = core.subscribe((event) => {
      if (event.type !== 'messageReceived' || !mayNotify() || document.hasFocus()) return;
      const words = notificationWords(event.message, state.getState());
      const shown = new Notification(words.title, { body: words.body, tag: event.message.groupId, icon: '/mark.svg' });
      open.add(shown);
      shown.onclose = () => open.delete(shown);
      shown.onclick = () => {
        window.focus();
        navigate(`/c/${event.message.groupId}`);
        shown.close();
      };
    });
    return () => {
      unsubscribe();
      // Names and words on the desktop are not for whoever finds it locked.
      for (const shown of open) shown.close();
    };
  }, [core, state, navigate]);
}

function mayNotify(): boolean {
  return 'Notification' in window && Notification.permission === 'granted' && settings.getState().notify;
}

/** No more than the settings allow: by default who, not what. */
export function notificationWords({ groupId, content }: Message, state: CoreState): { title: string; body: string } {
  const { notifyShowsName, notifyShowsText } = settings.getState();
  const peer = state.conversations?.[groupId]?.peer;
  // A stranger's name and words are theirs to choose: they aren't put before whoever walks by.
  if (peer?.requested) return { title: text.app, body: text.requests.newMessage };
  const name = peer?.displayName;
  const title = notifyShowsName && name ? name : text.app;
  if (!notifyShowsText || content.kind === 'notice') return { title, body: text.notifications.newMessage };
  return { title, body: content.kind === 'text' ? plainText(content.text) : plainText(content.caption) || content.name };
}
