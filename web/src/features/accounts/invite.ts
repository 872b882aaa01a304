import { useEffect, useState } from 'react';

let inAddress: string | null = null;

/** The code of an invitation, typed as such or as the link that carries it; null: neither. */
export function inviteCode(typed: string): string | null {
  const code = typed.trim().replace(/^.*#invite=/s, '');
  return /^[\w-]{22}$/.test(code) ? code : null;
}

/** The code that this page was opened with. It is taken out of the address, so that no history keeps it. */
export function useInviteInAddress(): string | null {
  const [code] = useState(() => {
    inAddress = (location.hash.startsWith('#invite=') ? inviteCode(location.hash) : null) ?? inAddress;
    return inAddress;
  });

  useEffect(() => {
    if (location.hash !== '') history.replaceState(history.state, '', location.pathname);
  }, []);

  return code;
}
