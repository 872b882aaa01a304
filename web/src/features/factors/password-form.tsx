import { useState } from 'react';
import type { FormEvent } from 'react';
import type { FactorPrompt } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { PasswordField } from '../../ui/field';
import styles from './factors.module.css';

type Props = { failure: unknown; onProved: () => void; onFactor: (prompt: FactorPrompt) => void };

/** The password once more, before the second step is changed. */
export function PasswordForm({ failure, onProved, onFactor }: Props) {
  const core = useCore();
  const [password, setPassword] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: unknown }>(failure === null ? 'idle' : { failed: failure });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (password === '') return;
    setSending('busy');
    try {
      const proved = await core.call('provePassword', { password });
      if ('factor' in proved) onFactor(proved.factor);
      else onProved();
    } catch (error) {
      setSending({ failed: error });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <p className={styles.soft}>{text.factors.prove}</p>
      <PasswordField label={text.logIn.password} value={password} onValue={setPassword} ref={takeFocus} autoComplete="current-password" showLabel={text.showPassword} hideLabel={text.hidePassword} error={typeof sending === 'object' ? failureText(sending.failed) : undefined} />
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={password === '' || sending === 'busy'}>{text.factors.next}</Button>
    </form>
  );
}

/** The step before had it, and is gone. */
function takeFocus(input: HTMLInputElement | null): void {
  input?.focus();
}
