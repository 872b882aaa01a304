import { Link } from 'wouter';
import { RecoverForm } from '../features/accounts/recover-form';
import { ForgetChoice } from '../features/lock/forget-choice';
import { useForgetChoice } from '../features/lock/use-forget-choice';
import { text } from '../text/en';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';
import { SecondStepPage, useSecondStep } from './second-step';
import { useEnter } from './use-enter';

export function Recover() {
  const enter = useEnter('/');
  const second = useSecondStep();
  const forget = useForgetChoice();
  if (second.prompt) return <BeforeSignIn><SecondStepPage prompt={second.prompt} onEntered={enter} onOver={second.over} /></BeforeSignIn>;
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <h1 className={type_.display}>{text.recover.title}</h1>
        <p className={type_.soft}>{text.recover.lead}</p>
      </div>
      <RecoverForm failure={second.failure} onEntered={enter} onFactor={second.ask} beforeSending={forget.apply}>
        <ForgetChoice on={forget.on} onChange={forget.choose} />
      </RecoverForm>
      <p className={type_.sm}><Link href="/log-in">{text.recover.back}</Link></p>
    </BeforeSignIn>
  );
}
