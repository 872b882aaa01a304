import { TriangleAlert } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import type { ReactNode } from 'react';
import type { ContactDetails, ScanOutcome } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Note } from '../../ui/parts';
import { Segmented } from '../../ui/segmented';
import { say } from '../../ui/toast';
import styles from './verification.module.css';

const QrCode = lazy(async () => ({ default: (await import('../../ui/qr-code')).QrCode }));
const QrScanner = lazy(async () => ({ default: (await import('./qr-scanner')).QrScanner }));

type Props = {
  contact: ContactDetails;
  /** The safety number, as the details draw it. */
  numbers: ReactNode;
  onClose: () => void;
  onMismatch: () => void;
};

/** Two people compare: by camera, or by reading twelve groups to each other. */
export function VerifyDialog({ contact, numbers, onClose, onMismatch }: Props) {
  const core = useCore();
  const [mode, setMode] = useState<'show' | 'scan'>('show');
  const [outcome, setOutcome] = useState<Exclude<ScanOutcome, 'match'> | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const name = contact.displayName;

  const done = () => {
    say(text.contact.nowVerified(name));
    onClose();
  };

  const confirm = async () => {
    try {
      await core.call('confirmMatch', { accountId: contact.accountId, fingerprint: contact.fingerprint });
      done();
    } catch (error) {
      setFailed(failureText(error));
    }
  };

  const onScanned = async (payload: string) => {
    try {
      const { outcome: found } = await core.call('scanQr', { accountId: contact.accountId, payload });
      if (found === 'match') done();
      else setOutcome(found);
    } catch (error) {
      setFailed(failureText(error));
    }
  };

  return (
    <Dialog title={text.verify.title(name)} closeLabel={text.close} onClose={onClose}>
      <Segmented label={text.verify.mode} options={[{ value: 'show', label: text.verify.show }, { value: 'scan', label: text.verify.scan }]} value={mode} onChange={(next) => { setMode(next); setOutcome(null); }} />
      <Suspense fallback={<div className={styles.place} />}>
        {mode === 'show' ? <QrCode payload={contact.qrPayload} label={text.verify.myCode} /> : <QrScanner onScanned={(payload) => void onScanned(payload)} />}
      </Suspense>
      {outcome && <div role="alert"><Note look="warn" icon={<TriangleAlert size={16} strokeWidth={1.6} aria-hidden />}>{outcomeText(outcome, name)}</Note></div>}
      <p className={styles.how}>{mode === 'show' && <>{text.verify.showText(name)}<br /></>}{text.verify.orRead}</p>
      {numbers}
      {failed && <p role="alert" className={styles.failed}>{failed}</p>}
      <div className={styles.actions}>
        <Button look="go" grow disabled={outcome === 'mismatch'} onClick={() => void confirm()}>{text.verify.match}</Button>
        <Button look="quiet" onClick={onMismatch}>{text.verify.mismatch}</Button>
      </div>
    </Dialog>
  );
}

function outcomeText(outcome: Exclude<ScanOutcome, 'match'>, name: string): string {
  switch (outcome) {
    case 'mismatch':
      return text.verify.scanned.mismatch(name);
    case 'otherPerson':
      return text.verify.scanned.otherPerson(name);
    case 'notSotto':
      return text.verify.scanned.notSotto;
  }
}
