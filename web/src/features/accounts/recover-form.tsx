import { useId, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import { CoreError } from '../../core/calls';
import type { FactorPrompt, OwnProfile } from '../../core/calls';
import { deviceName } from '../../core/browser';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import styles from './accounts.module.css';
import { NewPassword } from './new-password';
import { passwordStrength } from './password-strength';
import { normalHandle } from './use-handle-check';

const keyChars = 36;

/** `failure`: why the second step came to nothing; `children`: what else is chosen, and `beforeSending` carried out. */
type Props = { failure: unknown; beforeSending: () => Promise<void>; children: ReactNode; onEntered: (profile: OwnProfile) => void; onFactor: (prompt: FactorPrompt) => void };

/** Recovery key and a new password instead of the forgotten one. */
export function RecoverForm({ failure: before, beforeSending, children, onEntered, onFactor }: Props) {
  const core = useCore();
  const minChars = useCoreState((state) => state.limits?.passwordMinChars ?? 0);
  const [handle, setHandle] = useState('');
  const [recoveryKey, setRecoveryKey] = useState('');
  const [newPassword, setNewPassword] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: unknown }>(before === null ? 'idle' : { failed: before });
  const keyId = useId();
  const typed = keyCharacters(recoveryKey).length;
  const ready = normalHandle(handle) !== '' && typed === keyChars && passwordStrength(newPassword, minChars).enough;
  const failure = typeof sending === 'object' ? sending.failed : null;
  const keyFailed = failure instanceof CoreError && (failure.code === 'recoveryKeyMistyped' || failure.code === 'recoveryKeyWrong');

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending('busy');
    try {
      await beforeSending();
      const entered = await core.call('recoverAccount', { handle: normalHandle(handle), recoveryKey, newPassword, deviceName: deviceName() });
      if ('factor' in entered) onFactor(entered.factor);
      else onEntered(entered.profile);
    } catch (error) {
      setSending({ failed: error });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <Field label={text.logIn.handle} value={handle} onValue={setHandle} autoComplete="username" autoCapitalize="none" spellCheck={false} />
      <div className={styles.area}>
        <label htmlFor={keyId}>{text.recover.key}</label>
        <textarea id={keyId} rows={3} value={recoveryKey} autoComplete="off" autoCapitalize="characters" spellCheck={false} aria-invalid={keyFailed || undefined} aria-describedby={`${keyId}-hint`} onChange={(event) => setRecoveryKey(inGroups(event.target.value))} />
        <p id={`${keyId}-hint`} className={keyFailed ? styles.failed : styles.hint} aria-live="polite">{keyFailed ? failureText(failure) : text.recover.keyHint(typed)}</p>
      </div>
      <NewPassword label={text.recover.newPassword} value={newPassword} minChars={minChars} onValue={setNewPassword} />
      {failure !== null && !keyFailed && <p role="alert" className={styles.failed}>{failureText(failure)}</p>}
      {children}
      <p className={styles.history}>{text.logIn.history}</p>
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{sending === 'busy' ? text.recover.busy : text.recover.submit}</Button>
    </form>
  );
}

function keyCharacters(typed: string): string {
  return typed.toUpperCase().replace(/[^0-9A-Z]/g, '').slice(0, keyChars);
}

/** Groups of four while it is typed or pasted, as on the card. */
function inGroups(typed: string): string {
  return keyCharacters(typed).match(/.{1,4}/g)?.join(' ') ?? '';
}
