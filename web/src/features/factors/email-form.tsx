import { useState } from 'react';
import type { FormEvent } from 'react';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import styles from './factors.module.css';

type Props = { onDone: (codes: string[]) => void };

type Sending = 'idle' | 'busy' | { failed: string };

/** An address, and the code that was sent there back. */
export function EmailForm({ onDone }: Props) {
  const core = useCore();
  const [address, setAddress] = useState('');
  const [sent, setSent] = useState(false);
  const [code, setCode] = useState('');
  const [sending, setSending] = useState<Sending>('idle');
  const ready = sent ? code.replace(/\D/g, '').length === 8 : address.trim() !== '';
  const failed = typeof sending === 'object' ? sending.failed : undefined;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending('busy');
    try {
      if (sent) return onDone((await core.call('confirmEmail', { code })).codes);
      await core.call('startEmail', { address });
      setSent(true);
      setSending('idle');
    } catch (error) {
      setCode('');
      setSending({ failed: failureText(error) });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      {sent
        ? <><p className={styles.soft}>{text.factors.sentText(address.trim())}</p><Field key="code" label={text.factors.label.email} value={code} onValue={setCode} ref={takeFocus} digits autoComplete="one-time-code" inputMode="numeric" hint={text.factors.hint.email} error={failed} /></>
        : <Field key="address" label={text.factors.address} value={address} onValue={setAddress} ref={takeFocus} type="email" autoComplete="email" autoCapitalize="none" spellCheck={false} hint={text.factors.addressHint} error={failed} />}
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{sent ? text.factors.turnOn : text.factors.send}</Button>
    </form>
  );
}

/** The step before had it, and is gone. */
function takeFocus(input: HTMLInputElement | null): void {
  input?.focus();
}
