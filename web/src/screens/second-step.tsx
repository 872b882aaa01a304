import { useState } from 'react';
import type { CallResult, FactorPrompt, OwnProfile } from '../core/calls';
import { FactorForm } from '../features/factors/factor-form';
import { text } from '../text/en';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';

export type SecondStep = { prompt: FactorPrompt | null; failure: unknown; ask: (prompt: FactorPrompt) => void; over: (failure: unknown) => void };

/** Whether a log-in waits for its second step, and why the last one came to nothing. */
export function useSecondStep(): SecondStep {
  const [{ prompt, failure }, set] = useState<{ prompt: FactorPrompt | null; failure: unknown }>({ prompt: null, failure: null });
  return {
    prompt,
    failure,
    ask: (asked) => set({ prompt: asked, failure: null }),
    over: (why) => set({ prompt: null, failure: why }),
  };
}

type Props = { prompt: FactorPrompt; onEntered: (profile: OwnProfile) => void; onOver: (failure: unknown) => void };

/** Between the right password and the account. */
export function SecondStepPage({ prompt, onEntered, onOver }: Props) {
  const shown = (result: CallResult<'showFactor'>) => {
    if ('profile' in result) onEntered(result.profile);
  };
  return (
    <>
      <div className={layout.tight}>
        <h1 className={type_.display}>{text.factors.pageTitle}</h1>
        <p className={type_.soft}>{text.factors.pageLead}</p>
      </div>
      <FactorForm prompt={prompt} onShown={shown} onOver={onOver} />
      <p className={type_.sm}><button type="button" className={layout.link} onClick={() => onOver(null)}>{text.factors.startAgain}</button></p>
    </>
  );
}
