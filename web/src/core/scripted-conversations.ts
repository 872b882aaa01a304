import type { Contact, Conversation, Message } from './calls';

/** A conversation as a script holds it. */
export type ScriptedConversation = { contact: Contact; messages: Message[]; readUptoSeq: number; closed?: boolean };

export function nextSeq({ messages }: ScriptedConversation): number {
  return Math.max(0, ...messages.map(({ seq }) => seq ?? 0)) + 1;
}

export function summary({ contact: peer, messages, readUptoSeq, closed = false }: ScriptedConversation): Conversation {
  const last = messages.at(-1) ?? null;
  const unread = messages.filter((one) => !one.mine && one.content.kind !== 'notice' && (one.seq ?? 0) > readUptoSeq).length;
  return { groupId: peer.accountId, peer, last, unread, closed, activeAt: last?.sentAt ?? 0, ended: false };
}
