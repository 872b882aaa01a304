import { SquarePen, Search } from 'lucide-react';
import { useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode, RefObject } from 'react';
import type { Conversation, GroupId } from '../../core/calls';
import { text } from '../../text/en';
import { Button, IconButton } from '../../ui/button';
import { ChatRow } from './chat-row';
import styles from './groups.module.css';
import { useConversations } from './use-conversations';

type Filter = 'all' | 'unread';
type Props = {
  open: GroupId | null;
  searchRef: RefObject<HTMLInputElement | null>;
  onNewChat: (handle: string) => void;
  onOpen: (groupId: GroupId) => void;
  /** Banners and cards above the rows. */
  children?: ReactNode;
};

/** All conversations, newest first, with search and filter. */
export function ChatList({ open, searchRef, onNewChat, onOpen, children }: Props) {
  const conversations = useConversations();
  const [query, setQuery] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  const list = useRef<HTMLUListElement>(null);
  // Beside an open conversation its name is the page's first heading.
  const Title = open === null ? 'h1' : 'h2';
  const shown = conversations?.filter((one) => matches(one, query) && (filter === 'all' || one.unread > 0 || one.groupId === open));

  const onSearchKey = (event: KeyboardEvent) => {
    const first = shown?.[0];
    if (event.key === 'Escape') setQuery('');
    else if (event.key === 'Enter' && first && query !== '') onOpen(first.groupId);
    else if (event.key === 'ArrowDown') list.current?.querySelector('a')?.focus();
  };

  return (
    <section className={styles.list} aria-label={text.chats}>
      <header className={styles.head}>
        <div className={styles.titleRow}>
          <Title className={styles.title}>{text.chats}</Title>
          <IconButton label={text.list.newChat} onClick={() => onNewChat('')}><SquarePen size={20} strokeWidth={1.6} aria-hidden /></IconButton>
        </div>
        <div className={styles.search}>
          <Search size={16} strokeWidth={1.6} aria-hidden />
          <input ref={searchRef} type="search" aria-label={text.list.search} placeholder={text.list.searchPlaceholder} value={query} onChange={(event) => setQuery(event.target.value)} onKeyDown={onSearchKey} />
          <kbd>Ctrl K</kbd>
        </div>
        <FilterChips value={filter} onChange={setFilter} />
      </header>
      <div className={styles.scroll}>
        {children}
        {shown && shown.length > 0 && (
          <ul ref={list}>
            {shown.map((conversation) => <ChatRow key={conversation.groupId} conversation={conversation} current={conversation.groupId === open} />)}
          </ul>
        )}
        {shown?.length === 0 && <Empty query={query} filter={filter} onNewChat={onNewChat} />}
      </div>
    </section>
  );
}

function FilterChips({ value, onChange }: { value: Filter; onChange: (filter: Filter) => void }) {
  return (
    <fieldset className={styles.filters}>
      <legend>{text.list.filter}</legend>
      {(['all', 'unread'] as const).map((filter) => (
        <button key={filter} type="button" className={styles.filter} aria-pressed={filter === value} onClick={() => onChange(filter)}>{text.list[filter]}</button>
      ))}
    </fieldset>
  );
}

function Empty({ query, filter, onNewChat }: { query: string; filter: Filter; onNewChat: (handle: string) => void }) {
  const handle = query.trim().replace(/^@/, '').toLowerCase();
  if (query !== '') {
    return (
      <div className={styles.empty}>
        <p>{text.list.noMatch(query)}</p>
        <Button look="quiet" size="small" onClick={() => onNewChat(handle)}>{text.list.noMatchAction(handle)}</Button>
      </div>
    );
  }
  if (filter === 'unread') return <div className={styles.empty}><p>{text.list.noUnread}</p></div>;
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{text.list.empty}</p>
      <p>{text.list.emptyText}</p>
      <Button look="go" onClick={() => onNewChat('')}>{text.list.newChat}</Button>
    </div>
  );
}

function matches({ peer }: Conversation, query: string): boolean {
  const wanted = query.trim().replace(/^@/, '').toLocaleLowerCase();
  return peer.displayName.toLocaleLowerCase().includes(wanted) || peer.handle.includes(wanted);
}
