import { useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import type { FactorPrompt, OwnProfile } from '../../core/calls';
import { deviceName } from '../../core/browser';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Field, PasswordField } from '../../ui/field';
import styles from './accounts.module.css';
import { normalHandle } from './use-handle-check';

/** `failure`: why the second step came to nothing; `children`: what else is chosen, and `beforeSending` carried out. */
type Props = { failure: unknown; beforeSending: () => Promise<void>; children: ReactNode; onEntered: (profile: OwnProfile) => void; onFactor: (prompt: FactorPrompt) => void };

export function LogInForm({ failure, beforeSending, children, onEntered, onFactor }: Props) {
  const core = useCore();
  const [handle, setHandle] = useState('');
  const [password, setPassword] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: string }>(failure === null ? 'idle' : { failed: failureText(failure) });
  const ready = normalHandle(handle) !== '' && password !== '';

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending('busy');
    try {
      await beforeSending();
      const entered = await core.call('logIn', { handle: normalHandle(handle), password, deviceName: deviceName() });
      if ('factor' in entered) onFactor(entered.factor);
      else onEntered(entered.profile);
    } catch (error) {
      setSending({ failed: failureText(error) });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <Field label={text.logIn.handle} value={handle} onValue={setHandle} autoComplete="username" autoCapitalize="none" spellCheck={false} />
      <PasswordField label={text.logIn.password} value={password} onValue={setPassword} autoComplete="current-password" showLabel={text.showPassword} hideLabel={text.hidePassword} error={typeof sending === 'object' ? sending.failed : undefined} />
      {children}
      <p className={styles.history}>{text.logIn.history}</p>
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{sending === 'busy' ? text.logIn.busy : text.logIn.submit}</Button>
    </form>
  );
}
