import type { Contact } from '../../core/calls';
import { text } from '../../text/en';
import { day } from '../../text/format';
import { Bubble } from './bubble';
import styles from './feed.module.css';
import { NoticeLine } from './notice-line';
import type { Row } from './rows';

type Props = { row: Row; newest: boolean; peer: Contact; onLookAtKey: () => void };

export function FeedRow({ row, newest, peer, onLookAtKey }: Props) {
  return <div className={styles.item}>{draw(row, { newest, peer, onLookAtKey })}</div>;
}

function draw(row: Row, { newest, peer, onLookAtKey }: Omit<Props, 'row'>) {
  switch (row.kind) {
    case 'beginning':
      return (
        <div className={styles.beginning}>
          <p>{text.conversation.beginning(peer.displayName)}</p>
          <p>{text.conversation.beginningText}</p>
        </div>
      );
    case 'day':
      return <p className={styles.day}>{day(row.at, Date.now())}</p>;
    case 'unread':
      return <p className={styles.unread}>{text.conversation.unread}</p>;
    case 'notice':
      return <NoticeLine message={row.message} peer={peer} onLookAtKey={onLookAtKey} />;
    case 'message':
      return <Bubble message={row.message} first={row.first} last={row.last} newest={newest} peer={peer} />;
  }
}
