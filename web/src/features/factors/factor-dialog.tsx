import { useState } from 'react';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { Dialog } from '../../ui/dialog';
import { say } from '../../ui/toast';
import { CodeCard } from './code-card';
import { EmailForm } from './email-form';
import { ProofSteps } from './proof-steps';
import { TotpForm } from './totp-form';

export type FactorTask = 'setUp' | 'turnOff' | 'setUpEmail' | 'turnOffEmail' | 'renew';

type Step =
  | { step: 'proof'; failure: unknown; round: number }
  | { step: 'app'; secret: string }
  | { step: 'address' }
  | { step: 'codes'; codes: string[] };

type Props = { task: FactorTask; onClose: () => void };

/** Password, perhaps a code, then what was asked for. */
export function FactorDialog({ task, onClose }: Props) {
  const core = useCore();
  const handle = useCoreState((state) => state.profile?.handle ?? '');
  const [step, setStep] = useState<Step>({ step: 'proof', failure: null, round: 0 });

  const done = (codes: string[]) => {
    if (codes.length > 0) return setStep({ step: 'codes', codes });
    say(task === 'turnOff' || task === 'turnOffEmail' ? text.factors.isOff : text.factors.isOn);
    onClose();
  };

  const proved = async () => {
    try {
      switch (task) {
        case 'setUp':
          return setStep({ step: 'app', secret: (await core.call('startTotp', {})).secret });
        case 'turnOff':
          await core.call('removeTotp', {});
          return done([]);
        case 'setUpEmail':
          return setStep({ step: 'address' });
        case 'turnOffEmail':
          await core.call('removeEmail', {});
          return done([]);
        case 'renew':
          return done((await core.call('renewRecoveryCodes', {})).codes);
      }
    } catch (error) {
      setStep((before) => ({ step: 'proof', failure: error, round: before.step === 'proof' ? before.round + 1 : 0 }));
    }
  };

  return (
    <Dialog title={step.step === 'codes' ? text.factors.codes : text.factors.tasks[task]} closeLabel={text.close} onClose={onClose}>
      {step.step === 'proof' && <ProofSteps key={step.round} failure={step.failure} onProved={() => void proved()} />}
      {step.step === 'app' && <TotpForm secret={step.secret} handle={handle} onDone={done} />}
      {step.step === 'address' && <EmailForm onDone={done} />}
      {step.step === 'codes' && <CodeCard codes={step.codes} handle={handle} onDone={() => done([])} />}
    </Dialog>
  );
}
