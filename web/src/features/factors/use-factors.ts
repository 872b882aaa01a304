import { useCallback, useEffect, useState } from 'react';
import type { Factors } from '../../core/calls';
import { useCore } from '../../core/context';

export type OwnFactors = { state: 'loading' } | { state: 'shown'; factors: Factors } | { state: 'failed'; error: unknown };

/** One's own second factors, and how to ask for them again. */
export function useFactors(): [OwnFactors, () => void] {
  const core = useCore();
  const [own, setOwn] = useState<OwnFactors>({ state: 'loading' });

  const load = useCallback(() => {
    core.call('listFactors', {}).then(
      (factors) => setOwn({ state: 'shown', factors }),
      (error: unknown) => setOwn({ state: 'failed', error }),
    );
  }, [core]);

  useEffect(load, [load]);

  return [own, load];
}
