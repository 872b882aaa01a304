import type { Message } from '../../core/calls';
import type { Thread } from '../../core/state';
import { daysBetween } from '../../text/format';

export type Row =
  | { kind: 'beginning'; key: string }
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  | { kind: 'notice'; key: string; message: Message }
  /** `first`/`last`: of a run of one author within five minutes. */
  | { kind: 'message'; key: string; message: Message; first: boolean; last: boolean };

const runMs = 5 * 60_000;

/** What the feed draws, from top to bottom. */
export function feedRows(thread: Thread): Row[] {
  const rows: Row[] = thread.reachedStart ? [{ kind: 'beginning', key: 'beginning' }] : [];
  let before: Message | null = null;
  let lineDrawn = false;
  for (const message of thread.messages) {
    const newDay = !before || daysBetween(before.sentAt, message.sentAt) !== 0;
    if (newDay) rows.push({ kind: 'day', key: `day ${message.messageId}`, at: message.sentAt });
    const unread = !lineDrawn && thread.firstUnreadSeq !== null && message.seq !== null && message.seq >= thread.firstUnreadSeq;
    if (unread && !message.mine) {
      rows.push({ kind: 'unread', key: 'unread' });
      lineDrawn = true;
    }
    pushMessage(rows, message);
    before = message;
  }
  return rows;
}

function pushMessage(rows: Row[], message: Message): void {
  if (message.content.kind === 'notice') {
    rows.push({ kind: 'notice', key: message.messageId, message });
    return;
  }
  const above = rows.at(-1);
  const joins = above?.kind === 'message' && above.message.authorId === message.authorId && message.sentAt - above.message.sentAt < runMs;
  if (joins) above.last = false;
  rows.push({ kind: 'message', key: message.messageId, message, first: !joins, last: true });
}
