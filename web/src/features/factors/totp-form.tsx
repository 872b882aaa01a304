import { lazy, Suspense, useState } from 'react';
import type { FormEvent } from 'react';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { groups4 } from '../../text/format';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import styles from './factors.module.css';

const QrCode = lazy(async () => ({ default: (await import('../../ui/qr-code')).QrCode }));

type Props = { secret: string; handle: string; onDone: (codes: string[]) => void };

/** The seed as a code to scan and as text to type, and the app's first code back. */
export function TotpForm({ secret, handle, onDone }: Props) {
  const core = useCore();
  const [code, setCode] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: string }>('idle');
  const ready = code.replace(/\D/g, '').length === 6;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending('busy');
    try {
      onDone((await core.call('confirmTotp', { code })).codes);
    } catch (error) {
      setCode('');
      setSending({ failed: failureText(error) });
    }
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <p className={styles.soft}>{text.factors.scan}</p>
      <div className={styles.app}>
        <Suspense fallback={<div className={styles.place} />}>
          <QrCode payload={appAddress(secret, handle)} label={text.factors.qr} />
        </Suspense>
        <p className={styles.secret}>{groups4(secret)}</p>
      </div>
      <Field label={text.factors.label.totp} value={code} onValue={setCode} digits autoComplete="one-time-code" inputMode="numeric" hint={text.factors.firstCode} error={typeof sending === 'object' ? sending.failed : undefined} />
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{text.factors.turnOn}</Button>
    </form>
  );
}

/** What authenticator apps scan. */
function appAddress(secret: string, handle: string): string {
  const label = encodeURIComponent(`${text.app}:${handle}@${location.host}`);
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(text.app)}`;
}
