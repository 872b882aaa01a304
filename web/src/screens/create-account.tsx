import { Link } from 'wouter';
import { CreateForm } from '../features/accounts/create-form';
import { text } from '../text/en';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';
import { useEnter } from './use-enter';

export function CreateAccount() {
  const enter = useEnter('/recovery-key');
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <span className={type_.label}>{text.create.step}</span>
        <h1 className={type_.display}>{text.create.title}</h1>
      </div>
      <CreateForm onCreated={enter} />
      <p className={type_.sm}><Link href="/log-in">{text.create.haveOne}</Link></p>
    </BeforeSignIn>
  );
}
