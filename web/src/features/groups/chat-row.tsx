import { Ban, Check, CircleAlert, Clock3, TriangleAlert } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import type { Conversation, Delivery } from '../../core/calls';
import { useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { fullTime, listTime } from '../../text/format';
import { plainText } from '../../text/markup';
import { noticeText } from '../../text/notice';
import { Face } from '../../ui/face';
import { Pill, Shield } from '../../ui/parts';
import styles from './groups.module.css';

type Props = { conversation: Conversation; current: boolean };

/** More of a text is never seen in a row. */
const previewMaxChars = 240;

export function ChatRow({ conversation, current }: Props) {
  const { peer, unread, groupId, last } = conversation;
  const row = useRef<HTMLAnchorElement>(null);

  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: 'nearest' });
  }, [current]);

  return (
    <li>
      <Link ref={row} href={`/c/${groupId}`} className={[styles.row, unread > 0 && styles.new].filter(Boolean).join(' ')} aria-current={current ? 'page' : undefined}>
        <Face name={peer.displayName} colour={peer.colour} />
        <span className={styles.middle}>
          <span className={styles.name}>
            <bdi>{peer.displayName}</bdi>
            {peer.trust.state === 'verified' && <Shield label={text.verified} />}
            {peer.blocked && <Ban className={styles.blocked} size={16} strokeWidth={1.8} role="img" aria-label={text.contact.blocked} />}
            {peer.trust.state === 'changed' && <TriangleAlert className={styles.caution} size={16} strokeWidth={1.8} role="img" aria-label={text.contact.changed} />}
          </span>
          <LastLine conversation={conversation} />
        </span>
        <span className={styles.side}>
          {last && <time className={styles.time} dateTime={new Date(last.sentAt).toISOString()} title={fullTime(last.sentAt)}>{listTime(last.sentAt, Date.now())}</time>}
          {unread > 0 ? <Pill count={unread} label={text.unreadLabel(unread)} /> : last?.mine && <Tick delivery={last.delivery} />}
        </span>
      </Link>
    </li>
  );
}

function LastLine({ conversation }: { conversation: Conversation }) {
  const draft = useCoreState((state) => state.drafts[conversation.groupId]);
  const ownId = useCoreState((state) => state.profile?.accountId);
  const { last, peer } = conversation;
  if (draft) return <span className={styles.last}><span className={styles.draft}>{text.list.draft}</span> {draft}</span>;
  if (peer.requested) return <span className={styles.last}><i>{text.requests.row}</i></span>;
  if (!last) return <span className={styles.last}>{text.list.nothingYet}</span>;
  return <span className={styles.last}>{last.mine && `${text.list.you} `}{lastWords(last.content, peer.displayName, ownId)}</span>;
}

function lastWords(content: NonNullable<Conversation['last']>['content'], name: string, ownId: string | undefined): string {
  switch (content.kind) {
    case 'text':
      return plainText(content.text.slice(0, previewMaxChars));
    case 'file':
      return plainText(content.caption) || (content.image ? text.list.photo : content.name);
    case 'notice':
      return noticeText(content, { name, own: 'accountId' in content && content.accountId === ownId });
  }
}

function Tick({ delivery }: { delivery: Delivery }) {
  switch (delivery.state) {
    case 'queued':
      return <Clock3 size={16} strokeWidth={1.6} role="img" aria-label={text.delivery.queued} className={styles.tick} />;
    case 'sent':
      return <Check size={16} strokeWidth={1.6} role="img" aria-label={text.delivery.sent} className={styles.tick} />;
    case 'failed':
      return <CircleAlert size={16} strokeWidth={1.8} role="img" aria-label={text.delivery.failed} className={styles.danger} />;
    case 'received':
      return null;
  }
}
