import { useState } from 'react';
import type { FormEvent } from 'react';
import { CoreError } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import styles from './accounts.module.css';
import type { ProofForm } from './delete-account';

type Props = { Proof: ProofForm; onClose: () => void };

type Step = { step: 'question' } | { step: 'busy' } | { step: 'proof' } | { step: 'failed'; error: unknown };

/** What will happen, the handle typed, then the password; the screen changes with the event `signedOut`. */
export function DeleteDialog({ Proof, onClose }: Props) {
  const core = useCore();
  const own = useCoreState((state) => state.profile?.handle ?? '');
  const [typed, setTyped] = useState('');
  const [step, setStep] = useState<Step>({ step: 'question' });
  const handle = typed.trim().replace(/^@/, '');

  const remove = async () => {
    setStep({ step: 'busy' });
    try {
      await core.call('deleteAccount', { handle });
    } catch (error) {
      const unproved = error instanceof CoreError && error.code === 'proofNeeded';
      setStep(unproved ? { step: 'proof' } : { step: 'failed', error });
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (handle === own) void remove();
  };

  return (
    <Dialog title={text.deletion.title} closeLabel={text.close} onClose={onClose}>
      {step.step === 'proof' ? <Proof onProved={() => void remove()} /> : (
        <form className={layout.stack} onSubmit={submit} noValidate>
          <Consequences />
          <Field label={text.deletion.type(own)} value={typed} onValue={setTyped} autoComplete="off" autoCapitalize="none" spellCheck={false} error={handle.length >= own.length && handle !== own ? text.deletion.mistyped : undefined} />
          {step.step === 'failed' && <p role="alert" className={styles.failed}>{failureText(step.error)}</p>}
          <div className={layout.row}>
            <Button look="stop" grow type="submit" busy={step.step === 'busy'} disabled={handle !== own || step.step === 'busy'}>{text.deletion.action}</Button>
            <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Consequences() {
  return (
    <div className={layout.tight}>
      <p>{text.deletion.lead} {text.deletion.what}:</p>
      <dl className={styles.consequences}>
        {text.deletion.happens.map(([what, happens]) => (
          <div key={what}><dt>{what}</dt><dd>{happens}</dd></div>
        ))}
      </dl>
      <p className={type_.soft}>{text.deletion.backups}</p>
    </div>
  );
}
