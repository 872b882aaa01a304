import { useState } from 'react';
import type { ComponentType } from 'react';
import type { SessionView } from '../../core/calls';
import { CoreError } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import layout from '../../ui/layout.module.css';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';

/** Asks for the fresh proof, and goes on after it. */
export type ProofForm = ComponentType<{ onProved: () => void }>;

type Props = { session: SessionView | 'others'; Proof: ProofForm; onClose: (ended: boolean) => void };

type Step = { step: 'question' } | { step: 'busy' } | { step: 'proof' } | { step: 'failed'; error: unknown };

/** Whether to sign another device out, or all others; the password first, unless it was proved a moment ago. */
export function EndDialog({ session, Proof, onClose }: Props) {
  const core = useCore();
  const [step, setStep] = useState<Step>({ step: 'question' });
  const words = text.sessions.end[session === 'others' ? 'others' : 'one'];

  const end = async () => {
    setStep({ step: 'busy' });
    try {
      await core.call('endSessions', { sessionId: session === 'others' ? null : session.sessionId });
      say(words.done);
      onClose(true);
    } catch (error) {
      const unproved = error instanceof CoreError && error.code === 'proofNeeded';
      setStep(unproved ? { step: 'proof' } : { step: 'failed', error });
    }
  };

  return (
    <Dialog title={words.title} closeLabel={text.close} onClose={() => onClose(false)} cross={step.step === 'proof'}>
      {step.step === 'proof' ? <Proof onProved={() => void end()} /> : (
        <div className={layout.stack}>
          {session !== 'others' && <p><bdi>{session.deviceName ?? text.devices.unnamed}</bdi></p>}
          <p className={type_.soft}>{words.text}</p>
          {step.step === 'failed' && <p role="alert" className={type_.soft}>{failureText(step.error)}</p>}
          <div className={layout.row}>
            <Button look="stop" grow busy={step.step === 'busy'} onClick={() => void end()}>{words.action}</Button>
            <Button look="quiet" onClick={() => onClose(false)}>{text.cancel}</Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
