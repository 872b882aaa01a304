import { ArrowLeft, Info } from 'lucide-react';
import { useCallback, useState } from 'react';
import { useLocation } from 'wouter';
import type { Contact, Conversation as ConversationType } from '../core/calls';
import { useCore } from '../core/context';
import { BlockedNote } from '../features/contacts/blocked-note';
import { ClosedNote } from '../features/contacts/closed-note';
import { Details, SafetyNumber } from '../features/contacts/details';
import { EndedNote } from '../features/contacts/ended-note';
import { KeyChangedDialog } from '../features/contacts/key-changed-dialog';
import { RequestNote } from '../features/contacts/request-note';
import { useContact } from '../features/contacts/use-contact';
import { Composer } from '../features/messages/composer';
import { DropZone } from '../features/messages/drop-zone';
import { Feed } from '../features/messages/feed';
import { ReviewSheet } from '../features/messages/review-sheet';
import { MismatchDialog } from '../features/verification/mismatch-dialog';
import { VerifyDialog } from '../features/verification/verify-dialog';
import { text } from '../text/en';
import { failureText } from '../text/failure';
import { Button, IconButton } from '../ui/button';
import { Face } from '../ui/face';
import { Shield } from '../ui/parts';
import { say } from '../ui/toast';
import { useAskAboutKey } from './use-ask-about-key';
import styles from './screens.module.css';

type Props = { conversation: ConversationType; details: boolean };
type Sheet = { sheet: 'none' | 'verify' | 'mismatch' | 'keyChanged' } | { sheet: 'review'; files: File[] };

/** One conversation: header, feed, composer; its details and dialogs. */
export function Conversation({ conversation, details }: Props) {
  const { groupId, peer } = conversation;
  const [, navigate] = useLocation();
  const query = useContact(peer.accountId);
  const [sheet, setSheet] = useState<Sheet>({ sheet: 'none' });
  const close = () => setSheet({ sheet: 'none' });
  const lookAtKey = useCallback(() => setSheet({ sheet: 'keyChanged' }), []);
  const review = (files: File[]) => files.length > 0 && !peer.blocked && !conversation.ended && !conversation.closed && setSheet({ sheet: 'review', files });
  useAskAboutKey(groupId, lookAtKey);
  const contact = query.state === 'shown' ? query.contact : null;

  return (
    <>
      <DropZone name={peer.displayName} className={styles.talk} onFiles={review}>
        <Header conversation={conversation} onBack={() => navigate('/')} onDetails={() => navigate(details ? `/c/${groupId}` : `/c/${groupId}/details`)} />
        <Feed conversation={conversation} onLookAtKey={lookAtKey} />
        <div>
          {!conversation.closed && peer.trust.state === 'changed' && peer.trust.wasVerified && <Waiting text={text.composer.waiting(peer.displayName)} action={text.composer.decide} onDecide={lookAtKey} />}
          {!conversation.closed && peer.refusedList && !peer.refusedList.heeded && <ListRefused peer={peer} />}
          {peer.requested && !peer.blocked && !conversation.closed && <RequestNote contact={peer} />}
          {conversation.closed ? <ClosedNote contact={peer} /> : peer.blocked ? <BlockedNote contact={peer} /> : conversation.ended ? <EndedNote peer={peer} /> : <Composer conversation={conversation} onFiles={review} />}
        </div>
      </DropZone>
      {details && <Details query={query} onClose={() => navigate(`/c/${groupId}`)} onCompare={() => setSheet({ sheet: 'verify' })} />}
      {sheet.sheet === 'review' && <ReviewSheet conversation={conversation} files={sheet.files} onClose={close} />}
      {sheet.sheet === 'verify' && contact && <VerifyDialog contact={contact} numbers={<SafetyNumber groups={contact.safetyNumber} />} onClose={close} onMismatch={() => setSheet({ sheet: 'mismatch' })} />}
      {sheet.sheet === 'mismatch' && <MismatchDialog name={peer.displayName} onClose={close} />}
      {sheet.sheet === 'keyChanged' && contact && <KeyChangedDialog contact={contact} onClose={close} onCompare={() => setSheet({ sheet: 'verify' })} />}
    </>
  );
}

function Header({ conversation: { peer }, onBack, onDetails }: { conversation: ConversationType; onBack: () => void; onDetails: () => void }) {
  const verified = peer.trust.state === 'verified';
  const line = verified ? text.conversation.comparedOn : peer.trust.state === 'changed' ? text.conversation.keyChanged : text.conversation.notCompared;
  return (
    <header className={styles.talkHead}>
      <IconButton className={styles.onlyPhone} label={text.back} onClick={onBack}><ArrowLeft size={20} strokeWidth={1.6} aria-hidden /></IconButton>
      <button type="button" className={styles.talkWho} onClick={onDetails}>
        <Face name={peer.displayName} colour={peer.colour} />
        <span className={styles.talkName}>
          <h1><bdi>{peer.displayName}</bdi>{verified && <Shield label={text.verified} />}</h1>
          <span className={styles.talkLine} data-look={peer.trust.state}>@{peer.handle} · {line}</span>
        </span>
      </button>
      <IconButton label={text.conversation.details} onClick={onDetails}><Info size={20} strokeWidth={1.6} aria-hidden /></IconButton>
    </header>
  );
}

type WaitingProps = { text: string; action: string; onDecide: () => void };

function Waiting({ text: why, action, onDecide }: WaitingProps) {
  return (
    <div className={styles.waiting} role="status">
      <span>{why}</span>
      <Button look="quiet" size="small" className={styles.inNote} onClick={onDecide}>{action}</Button>
    </div>
  );
}

function ListRefused({ peer: { accountId, displayName } }: { peer: Contact }) {
  const core = useCore();
  const heed = () => core.call('heedRefusedList', { accountId }).catch((error: unknown) => say(failureText(error)));
  return <Waiting text={text.composer.listRefused(displayName)} action={text.composer.sendAnyway} onDecide={() => void heed()} />;
}
