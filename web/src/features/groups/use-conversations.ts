import { useMemo } from 'react';
import type { Conversation, GroupId } from '../../core/calls';
import { useCoreState } from '../../core/context';
import { sortedConversations } from '../../core/state';

/** All conversations, newest first; null until the first answer has come. */
export function useConversations(): Conversation[] | null {
  const conversations = useCoreState((state) => state.conversations);
  return useMemo(() => conversations && sortedConversations(conversations), [conversations]);
}

export function useConversation(groupId: GroupId | null): Conversation | null {
  return useCoreState((state) => (groupId === null ? null : (state.conversations?.[groupId] ?? null)));
}
