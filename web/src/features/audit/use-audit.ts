import { useEffect, useState } from 'react';
import type { AuditLog } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';

export type Audit = { state: 'loading' } | { state: 'shown'; log: AuditLog } | { state: 'failed'; error: unknown };

/** The account's log, fetched and checked when it is looked at, and again when the relay's log was refused or begun anew. */
export function useAudit(): Audit {
  const core = useCore();
  const refused = useCoreState((state) => state.profile?.auditRefused ?? null);
  const online = useCoreState((state) => state.connection.state === 'online');
  const [audit, setAudit] = useState<Audit>({ state: 'loading' });

  useEffect(() => {
    let current = true;
    core.call('listAudit', {}).then(
      (log) => current && setAudit({ state: 'shown', log }),
      (error: unknown) => current && setAudit({ state: 'failed', error }),
    );
    return () => {
      current = false;
    };
  }, [core, refused, online]);

  return audit;
}
