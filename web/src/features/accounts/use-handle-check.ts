import { useEffect, useState } from 'react';
import { useCore } from '../../core/context';

export type HandleCheck = 'idle' | 'checking' | 'free' | 'taken' | 'invalid';

const pauseMs = 350;

/** Asks the relay whether a handle is free, once the typing rests. */
export function useHandleCheck(handle: string): HandleCheck {
  const core = useCore();
  const [known, setKnown] = useState<{ handle: string; check: HandleCheck }>({ handle: '', check: 'idle' });

  useEffect(() => {
    if (handle === '') return;
    let current = true;
    const timer = setTimeout(() => {
      core.call('checkHandle', { handle }).then(
        ({ availability }) => current && setKnown({ handle, check: availability }),
        // Not knowing is no error: the relay decides when the account is made.
        () => current && setKnown({ handle, check: 'idle' }),
      );
    }, pauseMs);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [core, handle]);

  if (handle === '') return 'idle';
  return known.handle === handle ? known.check : 'checking';
}

/** What a person types for a handle: an @ in front and capitals are forgiven. */
export function normalHandle(typed: string): string {
  return typed.trim().replace(/^@/, '').toLowerCase();
}
