import { MailOpen } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { CreateForm } from '../features/accounts/create-form';
import { useInviteInAddress } from '../features/accounts/invite';
import { useRegistration } from '../features/accounts/use-registration';
import { text } from '../text/en';
import { Button } from '../ui/button';
import layout from '../ui/layout.module.css';
import { Note } from '../ui/parts';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';
import { useEnter } from './use-enter';

export function CreateAccount() {
  const enter = useEnter('/recovery-key');
  const registration = useRegistration();
  const known = useInviteInAddress();
  if (registration === 'closed') return <Closed />;
  const invited = registration === 'invite';
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <span className={type_.label}>{text.create.step}</span>
        <h1 className={type_.display}>{text.create.title}</h1>
      </div>
      {invited && known !== null && <Note look="plain" icon={<MailOpen size={16} strokeWidth={1.6} aria-hidden />}>{text.create.inviteKnown}</Note>}
      <CreateForm invite={invited ? { known } : null} onCreated={enter} />
      <p className={type_.sm}><Link href="/log-in">{text.create.haveOne}</Link></p>
    </BeforeSignIn>
  );
}

function Closed() {
  const [, navigate] = useLocation();
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <h1 className={type_.display}>{text.create.closedTitle}</h1>
        <p className={type_.lead}>{text.create.closedLead}</p>
      </div>
      <Button look="go" wide onClick={() => navigate('/log-in')}>{text.welcome.logIn}</Button>
    </BeforeSignIn>
  );
}
