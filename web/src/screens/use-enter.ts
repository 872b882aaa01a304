import { useCallback } from 'react';
import { useLocation } from 'wouter';
import { keepStorage } from '../core/browser';
import type { OwnProfile } from '../core/calls';
import { loadConversations, useMounted } from '../core/context';
import { entered } from '../core/state';

/** From "has an account now" to the first screen behind the door. */
export function useEnter(to: string): (profile: OwnProfile) => void {
  const mounted = useMounted();
  const [, navigate] = useLocation();

  return useCallback(
    (profile) => {
      navigate(to, { replace: true });
      mounted.state.setState((before) => entered(before, profile), true);
      void loadConversations(mounted).catch(() => undefined);
      if (mounted.state.getState().keeping !== 'memory') void keepStorage();
    },
    [mounted, navigate, to],
  );
}
