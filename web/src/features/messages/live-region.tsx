import { useEffect, useState } from 'react';
import type { Conversation } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { plainText } from '../../text/markup';
import type_ from '../../ui/type.module.css';

/** Speaks new messages of the open conversation, and nothing else: no scrolling, no history. */
export function LiveRegion({ conversation }: { conversation: Conversation }) {
  const core = useCore();
  const { groupId, peer } = conversation;
  const [said, setSaid] = useState('');

  useEffect(
    () =>
      core.subscribe((event) => {
        if (event.type !== 'messageReceived' || event.message.groupId !== groupId) return;
        const { content } = event.message;
        const what = content.kind === 'text' ? plainText(content.text) : content.kind === 'file' ? content.name : '';
        if (what) setSaid(text.conversation.arrived(peer.displayName, what));
      }),
    [core, groupId, peer.displayName],
  );

  return <div className={type_.hidden} role="log" aria-live="polite" aria-label={text.notifications.newMessage}>{said}</div>;
}
