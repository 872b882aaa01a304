import { Link } from 'wouter';
import { LogInForm } from '../features/accounts/log-in-form';
import { ForgetChoice } from '../features/lock/forget-choice';
import { useForgetChoice } from '../features/lock/use-forget-choice';
import { text } from '../text/en';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';
import { SecondStepPage, useSecondStep } from './second-step';
import { useEnter } from './use-enter';

export function LogIn() {
  const enter = useEnter('/');
  const second = useSecondStep();
  const forget = useForgetChoice();
  if (second.prompt) return <BeforeSignIn><SecondStepPage prompt={second.prompt} onEntered={enter} onOver={second.over} /></BeforeSignIn>;
  return (
    <BeforeSignIn>
      <h1 className={type_.display}>{text.logIn.title}</h1>
      <LogInForm failure={second.failure} onEntered={enter} onFactor={second.ask} beforeSending={forget.apply}>
        <ForgetChoice on={forget.on} onChange={forget.choose} />
      </LogInForm>
      <p className={`${layout.apart} ${type_.sm}`}>
        <Link href="/recover">{text.logIn.withRecoveryKey}</Link>
        <Link href="/create">{text.logIn.create}</Link>
      </p>
    </BeforeSignIn>
  );
}
