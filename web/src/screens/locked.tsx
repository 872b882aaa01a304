import { useState } from 'react';
import { LogOutDialog } from '../features/accounts/log-out-dialog';
import { UnlockForm } from '../features/lock/unlock-form';
import { text } from '../text/en';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';

/** Nothing of the account stands here: whoever sees this screen may be anybody. */
export function Locked() {
  const [leaving, setLeaving] = useState(false);
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <h1 className={type_.display}>{text.locked.title}</h1>
        <p className={type_.lead}>{text.locked.lead}</p>
      </div>
      <UnlockForm />
      <p className={type_.sm}><button type="button" className={layout.link} onClick={() => setLeaving(true)}>{text.locked.forgot}</button></p>
      {leaving && <LogOutDialog words={text.locked} onClose={() => setLeaving(false)} />}
    </BeforeSignIn>
  );
}
