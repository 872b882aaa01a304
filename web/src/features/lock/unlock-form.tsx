import { useState } from 'react';
import type { FormEvent } from 'react';
import { begin, useMounted } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { PasswordField } from '../../ui/field';
import styles from './lock.module.css';

export function UnlockForm() {
  const mounted = useMounted();
  const [passphrase, setPassphrase] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: string }>('idle');

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (passphrase === '' || sending === 'busy') return;
    setSending('busy');
    try {
      await begin(mounted, await mounted.core.call('unlock', { passphrase }));
    } catch (error) {
      setSending({ failed: failureText(error) });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <PasswordField label={text.lock.passphrase} value={passphrase} onValue={setPassphrase} ref={takeFocus} autoComplete="off" showLabel={text.lock.show} hideLabel={text.lock.hide} error={typeof sending === 'object' ? sending.failed : undefined} />
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={passphrase === '' || sending === 'busy'}>{sending === 'busy' ? text.locked.busy : text.locked.submit}</Button>
    </form>
  );
}

/** Who comes back types at once. */
function takeFocus(input: HTMLInputElement | null): void {
  input?.focus();
}
