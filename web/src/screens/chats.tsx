import { useCallback, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { GroupId } from '../core/calls';
import { linked } from '../features/contacts/contact-link';
import { LinkedChatDialog } from '../features/contacts/linked-chat-dialog';
import { ChatList } from '../features/groups/chat-list';
import { NewChatDialog } from '../features/groups/new-chat-dialog';
import { useConversation } from '../features/groups/use-conversations';
import { AskCard } from '../features/notifications/ask-card';
import { text } from '../text/en';
import { Mark } from '../ui/mark';
import { AuditBanner } from './audit-banner';
import { ConnectionNote } from './connection-note';
import { Conversation } from './conversation';
import { Frame } from './frame';
import { RecordsNote } from './records-note';
import { RecoveryBanner } from './recovery-banner';
import { RefusedListBanner } from './refused-list-banner';
import styles from './screens.module.css';
import { useShortcuts } from './use-shortcuts';

type Props = { groupId: GroupId | null; details: boolean };

/** The list, the open conversation beside it, details beside that. */
export function Chats({ groupId, details }: Props) {
  const [, navigate] = useLocation();
  const search = useRef<HTMLInputElement>(null);
  const [newChat, setNewChat] = useState<string | null>(null);
  const who = linked((state) => state.who);
  const conversation = useConversation(groupId);
  const open = useCallback((id: GroupId) => navigate(`/c/${id}`), [navigate]);
  useShortcuts({ groupId, details, search });

  // The landmark "main" is the open conversation; without one it is the list.
  return (
    <Frame section="chats" deep={conversation !== null} columns="chats">
      <div role={conversation ? undefined : 'main'} className={styles.listColumn} data-behind={conversation !== null || undefined}>
        <ChatList open={groupId} searchRef={search} onNewChat={setNewChat} onOpen={open}>
          <ConnectionNote />
          <RecordsNote />
          <RefusedListBanner />
          <RecoveryBanner />
          <AuditBanner />
          <AskCard />
        </ChatList>
      </div>
      {conversation ? (
        <Conversation key={conversation.groupId} conversation={conversation} details={details} />
      ) : (
        <section className={styles.nothing} aria-label={text.conversation.pick}>
          <Mark size={40} />
          <p>{text.conversation.pick}</p>
          <p className={styles.nothingHint}>{text.conversation.pickText}</p>
        </section>
      )}
      {who && (
        <LinkedChatDialog
          who={who}
          onClose={() => linked.setState({ who: null })}
          onStarted={(id) => {
            linked.setState({ who: null });
            open(id);
          }}
        />
      )}
      {newChat !== null && (
        <NewChatDialog
          handle={newChat}
          onClose={() => setNewChat(null)}
          onStarted={(id) => {
            setNewChat(null);
            open(id);
          }}
        />
      )}
    </Frame>
  );
}
