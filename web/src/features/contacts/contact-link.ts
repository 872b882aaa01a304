import { create } from 'zustand';

/** Whom somebody's own link names: a handle, and all 64 hex digits of the fingerprint. */
export type Linked = { handle: string; fingerprint: string };

/** Whose link this page was opened with, until it led somewhere. */
export const linked = create<{ who: Linked | null }>(() => ({ who: null }));

/** The fingerprint stands behind the #, which browsers keep to themselves. */
export function contactLink(origin: string, { handle, fingerprint }: Linked): string {
  const bytes = fingerprint.replace(/../g, (digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return `${origin}/add#${handle}.${btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replace('=', '')}`;
}

export function linkedContact(hash: string): Linked | null {
  const [, handle, coded] = /^#(.+)\.([\w-]{43})$/.exec(hash) ?? [];
  if (!handle || !coded) return null;
  const bytes = atob(coded.replaceAll('-', '+').replaceAll('_', '/'));
  const fingerprint = [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return { handle, fingerprint };
}

/** Reads the link that the page was opened with, and takes it out of the address, so that no history keeps it. */
export function takeLinkFromAddress(): void {
  if (location.pathname !== '/add') return;
  linked.setState({ who: linkedContact(location.hash) });
  history.replaceState(history.state, '', '/');
}
