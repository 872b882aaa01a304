import { describe, expect, it } from 'vitest';
import { message } from '../../core/scripted';
import { feedRows } from './rows';

const noon = Date.parse('2026-03-05T12:00:00');
const minute = 60_000;
const say = (seq: number, at: number, from: 'me' | 'peer' = 'peer') => message('bob', seq, at, from, { kind: 'text', text: `${seq}` });
const shape = (messages: ReturnType<typeof say>[], firstUnreadSeq: number | null = null, reachedStart = false) =>
  feedRows({ messages, firstUnreadSeq, reachedStart }).map((row) => (row.kind === 'message' ? `${row.message.seq}${row.first ? ' first' : ''}${row.last ? ' last' : ''}` : row.kind));

describe('rows of the feed', () => {
  it('joins what one author says within five minutes', () => {
    expect(shape([say(1, noon), say(2, noon + minute), say(3, noon + 9 * minute), say(4, noon + 9 * minute, 'me')])).toEqual(['day', '1 first', '2 last', '3 first last', '4 first last']);
  });

  it('begins each day with its name', () => {
    expect(shape([say(1, noon), say(2, noon + 24 * 60 * minute)])).toEqual(['day', '1 first last', 'day', '2 first last']);
  });

  it('draws one line before the first unread message of somebody else', () => {
    expect(shape([say(1, noon), say(2, noon, 'me'), say(3, noon), say(4, noon)], 2)).toEqual(['day', '1 first last', '2 first last', 'unread', '3 first', '4 last']);
  });

  it('says where the conversation begins only when it is loaded', () => {
    expect(shape([say(1, noon)], null, true)[0]).toBe('beginning');
    expect(shape([say(1, noon)])[0]).toBe('day');
  });
});
