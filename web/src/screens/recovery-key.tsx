import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { useCore, useCoreState } from '../core/context';
import { RecoveryCard } from '../features/accounts/recovery-card';
import { RetypeForm } from '../features/accounts/retype-form';
import { text } from '../text/en';
import { failureText } from '../text/failure';
import { Button } from '../ui/button';
import layout from '../ui/layout.module.css';
import { say } from '../ui/toast';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';

type Key = { state: 'loading' } | { state: 'shown'; groups: string[] } | { state: 'gone' };

/** Shown right after the account was made; "Later" leads here once more, and then no longer. */
export function RecoveryKey() {
  const core = useCore();
  const profile = useCoreState((state) => state.profile);
  const [key, setKey] = useState<Key>({ state: 'loading' });
  const [, navigate] = useLocation();
  const again = new URLSearchParams(location.search).has('again');

  useEffect(() => {
    core.call('recoveryKey', {}).then(
      ({ groups }) => setKey(groups ? { state: 'shown', groups } : { state: 'gone' }),
      () => setKey({ state: 'gone' }),
    );
  }, [core]);

  const done = async () => {
    try {
      await core.call('confirmRecoveryKey', {});
      navigate('/', { replace: true });
    } catch (error) {
      say(failureText(error));
    }
  };

  if (key.state === 'loading') return null;
  if (key.state === 'gone') {
    return (
      <BeforeSignIn>
        <h1 className={type_.title}>{text.recoveryKey.gone}</h1>
        <p className={type_.soft}>{text.recoveryKey.goneText}</p>
        <Button look="plain" onClick={() => navigate('/', { replace: true })}>{text.back}</Button>
      </BeforeSignIn>
    );
  }
  return (
    <BeforeSignIn width="wide">
      <div className={layout.tight}>
        <span className={type_.label}>{text.recoveryKey.step}</span>
        <h1 className={type_.display}>{text.recoveryKey.title}</h1>
        <p className={type_.soft}>{text.recoveryKey.lead}</p>
      </div>
      <RecoveryCard groups={key.groups} handle={profile?.handle ?? ''} />
      <RetypeForm groups={key.groups} later={again ? 'used' : 'offered'} onDone={() => void done()} onLater={() => navigate('/', { replace: true })} />
    </BeforeSignIn>
  );
}
