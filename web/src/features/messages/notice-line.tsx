import { History, Laptop, Lock, ShieldCheck, ShieldOff, TriangleAlert, UserX } from 'lucide-react';
import type { Contact, Message, Notice } from '../../core/calls';
import { useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { noticeText } from '../../text/notice';
import { Button } from '../../ui/button';
import styles from './feed.module.css';

type Props = { message: Message; peer: Contact; onLookAtKey: () => void };

const cautious: ReadonlySet<Notice['notice']> = new Set(['keyChanged', 'gap', 'deviceListRefused', 'accountDeleted']);

/** What happened to the conversation itself. */
export function NoticeLine({ message, peer, onLookAtKey }: Props) {
  const ownId = useCoreState((state) => state.profile?.accountId);
  if (message.content.kind !== 'notice') return null;
  const notice = message.content;
  if (notice.notice === 'unreadable') return <Unreadable reason={notice.reason} />;
  const own = 'accountId' in notice && notice.accountId === ownId;
  const look = notice.notice === 'verified' ? styles.good : cautious.has(notice.notice) ? styles.caution : styles.plain;
  return (
    <article className={`${styles.notice} ${look}`}>
      <NoticeIcon kind={notice.notice} />
      <span>{noticeText(notice, { name: peer.displayName, own })}</span>
      {notice.notice === 'keyChanged' && <Button look="quiet" size="small" onClick={onLookAtKey}>{text.notice.look}</Button>}
    </article>
  );
}

function NoticeIcon({ kind }: { kind: Notice['notice'] }) {
  const size = { size: 16, strokeWidth: 1.6, 'aria-hidden': true } as const;
  switch (kind) {
    case 'verified':
      return <ShieldCheck {...size} />;
    case 'accountDeleted':
      return <UserX {...size} />;
    case 'verificationWithdrawn':
      return <ShieldOff {...size} />;
    case 'keyChanged':
    case 'deviceListRefused':
      return <TriangleAlert {...size} />;
    case 'deviceAdded':
    case 'deviceRemoved':
    case 'deviceListRepaired':
      return <Laptop {...size} />;
    case 'joinedHere':
    case 'gap':
      return <History {...size} />;
    case 'unreadable':
      return <Lock {...size} />;
  }
}

function Unreadable({ reason }: { reason: Extract<Notice, { notice: 'unreadable' }>['reason'] }) {
  return (
    <article className={styles.unreadable}>
      <p className={styles.unreadableTitle}><Lock size={16} strokeWidth={1.6} aria-hidden />{text.notice.unreadable}<span className={styles.code}>{text.notice.reasonCode[reason]}</span></p>
      <p>{text.notice.reason[reason]}</p>
    </article>
  );
}
