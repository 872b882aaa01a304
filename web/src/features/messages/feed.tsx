import { ChevronDown } from 'lucide-react';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';
import { Virtualizer } from 'virtua';
import type { VirtualizerHandle } from 'virtua';
import type { Conversation } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Pill } from '../../ui/parts';
import { FeedRow } from './feed-row';
import styles from './feed.module.css';
import { LiveRegion } from './live-region';
import { feedRows } from './rows';
import { useMarkRead } from './use-mark-read';
import { useThread } from './use-thread';

type Props = { conversation: Conversation; onLookAtKey: () => void };

const endPx = 48;
const olderPx = 600;

/** The messages of a conversation, from old to new; it stays at its end unless somebody scrolls away. */
export function Feed({ conversation, onLookAtKey }: Props) {
  const { thread, failed, loadOlder, loadingOlder } = useThread(conversation.groupId);
  const rows = useMemo(() => (thread ? feedRows(thread) : []), [thread]);
  const [atEnd, setAtEnd] = useState(true);
  const list = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const ends = useRef({ first: '', last: '', rows });
  const offsetBefore = useRef(0);
  useMarkRead(conversation, thread, atEnd);

  const first = rows.find((row) => row.kind === 'message' || row.kind === 'notice')?.key ?? '';
  const last = rows.at(-1)?.key ?? '';
  const prepended = ends.current.last === last && ends.current.first !== first && rows.length > ends.current.rows.length;
  const toEnd = () => list.current?.scrollToIndex(rows.length - 1, { align: 'end' });

  useLayoutEffect(() => {
    const changed = ends.current.rows !== rows;
    const arrived = ends.current.last !== last;
    const row = rows.at(-1);
    const own = row?.kind === 'message' && row.message.mine;
    ends.current = { first, last, rows };
    // What arrives may also go in before what still waits to be sent.
    if ((changed && atEnd) || (arrived && own)) list.current?.scrollToIndex(rows.length - 1, { align: 'end' });
  }, [rows, first, last, atEnd]);

  const onScroll = (offset: number) => {
    const handle = list.current;
    if (!handle) return;
    const near = offset + handle.viewportSize >= handle.scrollSize - endPx;
    // What grows below moves the end away; only a person moves up.
    const movedUp = offset < offsetBefore.current;
    offsetBefore.current = offset;
    setAtEnd((was) => near || (was && !movedUp));
    if (offset < olderPx) loadOlder();
  };

  if (failed && !thread) return <p role="alert" className={styles.failed}>{failureText(failed)}</p>;
  return (
    <div className={styles.frame}>
      <div ref={scroller} className={styles.scroll} role="feed" aria-label={text.conversation.with(conversation.peer.displayName)} aria-busy={loadingOlder} onKeyDown={moveFocus}>
        <div className={styles.spacer} />
        <Virtualizer ref={list} shift={prepended} onScroll={onScroll}>
          {rows.map((row) => <FeedRow key={row.key} row={row} newest={row.key === last} peer={conversation.peer} onLookAtKey={onLookAtKey} />)}
        </Virtualizer>
      </div>
      {!atEnd && (
        <button type="button" className={styles.toEnd} onClick={toEnd} aria-label={text.conversation.toEnd} title={text.conversation.toEnd}>
          <Pill count={conversation.unread} label={text.conversation.newBelow(conversation.unread)} />
          <ChevronDown size={20} strokeWidth={1.6} aria-hidden />
        </button>
      )}
      <LiveRegion conversation={conversation} />
    </div>
  );
}

/** Arrows walk from message to message (ARIA feed pattern). */
function moveFocus(event: KeyboardEvent<HTMLDivElement>): void {
  const step = event.key === 'ArrowUp' || event.key === 'PageUp' ? -1 : event.key === 'ArrowDown' || event.key === 'PageDown' ? 1 : 0;
  const here = (event.target as Element).closest('article');
  if (step === 0 || !here) return;
  const articles = [...event.currentTarget.querySelectorAll('article')];
  const next = articles[articles.indexOf(here) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
