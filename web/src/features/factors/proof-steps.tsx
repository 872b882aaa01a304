import { useState } from 'react';
import type { FactorPrompt } from '../../core/calls';
import { FactorForm } from './factor-form';
import { PasswordForm } from './password-form';

type Step = { step: 'password'; failure: unknown } | { step: 'factor'; prompt: FactorPrompt };

type Props = { failure?: unknown; onProved: () => void };

/** The fresh proof that sensitive changes ask for: the password, and the second step where the account has one. */
export function ProofSteps({ failure = null, onProved }: Props) {
  const [step, setStep] = useState<Step>({ step: 'password', failure });
  switch (step.step) {
    case 'password':
      return <PasswordForm failure={step.failure} onProved={onProved} onFactor={(prompt) => setStep({ step: 'factor', prompt })} />;
    case 'factor':
      return <FactorForm prompt={step.prompt} onShown={onProved} onOver={(why) => setStep({ step: 'password', failure: why })} />;
  }
}
