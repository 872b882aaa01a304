import { useEffect, useState } from 'react';
import type { AccountId, ContactDetails } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';

export type ContactQuery = { state: 'loading' } | { state: 'shown'; contact: ContactDetails } | { state: 'failed'; error: unknown };

/** Details of one contact, asked for again whenever they change. */
export function useContact(accountId: AccountId): ContactQuery {
  const core = useCore();
  const revision = useCoreState((state) => state.contactRevision[accountId] ?? 0);
  const [query, setQuery] = useState<{ of: AccountId; query: ContactQuery }>({ of: accountId, query: { state: 'loading' } });

  useEffect(() => {
    let current = true;
    core.call('contactDetails', { accountId }).then(
      (contact) => current && setQuery({ of: accountId, query: { state: 'shown', contact } }),
      (error: unknown) => current && setQuery({ of: accountId, query: { state: 'failed', error } }),
    );
    return () => {
      current = false;
    };
  }, [core, accountId, revision]);

  return query.of === accountId ? query.query : { state: 'loading' };
}
