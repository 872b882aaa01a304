import { useEffect } from 'react';
import type { RefObject } from 'react';
import { useLocation } from 'wouter';
import type { GroupId } from '../core/calls';
import { useConversations } from '../features/groups/use-conversations';

type Shown = { groupId: GroupId | null; details: boolean; search: RefObject<HTMLInputElement | null> };

/** Ctrl+K search, Alt+↑/↓ previous and next chat, Esc closes one layer. */
export function useShortcuts({ groupId, details, search }: Shown): void {
  const conversations = useConversations();
  const [, navigate] = useLocation();

  useEffect(() => {
    const step = (by: number) => {
      const list = conversations ?? [];
      const here = list.findIndex((one) => one.groupId === groupId);
      const next = list[here < 0 ? 0 : here + by];
      if (next) navigate(`/c/${next.groupId}`);
    };

    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('[role="dialog"]')) return;
      const wanted = shortcut(event);
      if (!wanted) return;
      event.preventDefault();
      if (wanted === 'search') search.current?.focus();
      else if (wanted === 'close') navigate(details && groupId ? `/c/${groupId}` : '/');
      else step(wanted === 'next' ? 1 : -1);
    };

    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [conversations, groupId, details, search, navigate]);
}

function shortcut(event: KeyboardEvent): 'search' | 'next' | 'previous' | 'close' | null {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return 'search';
  if (event.altKey && !event.ctrlKey && event.key === 'ArrowDown') return 'next';
  if (event.altKey && !event.ctrlKey && event.key === 'ArrowUp') return 'previous';
  const inSearch = event.target instanceof HTMLInputElement && event.target.value !== '';
  return event.key === 'Escape' && !inSearch ? 'close' : null;
}
