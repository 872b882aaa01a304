import { useEffect, useState } from 'react';
import type { RegistrationMode } from '../../core/calls';
import { useCore } from '../../core/context';

/** Whom the relay lets register; null until it has said so. */
export function useRegistration(): RegistrationMode | null {
  const core = useCore();
  const [mode, setMode] = useState<RegistrationMode | null>(null);

  useEffect(() => {
    let current = true;
    core.call('checkRegistration', {}).then(
      (answer) => current && setMode(answer.mode),
      // Not knowing is no error: the relay decides when the account is made.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [core]);

  return mode;
}
