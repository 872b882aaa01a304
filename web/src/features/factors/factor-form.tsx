import { useState } from 'react';
import type { FormEvent } from 'react';
import { CoreError } from '../../core/calls';
import type { CallResult, FactorChoice, FactorPrompt } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import styles from './factors.module.css';
import { SendCode } from './send-code';

const lengths: Record<FactorChoice, number> = { totp: 6, email: 8, recoveryCode: 10 };

type Props = {
  prompt: FactorPrompt;
  onShown: (result: CallResult<'showFactor'>) => void;
  /** Too late, or too many wrong codes: the step before comes first again. */
  onOver: (error: unknown) => void;
};

/** The second step of a log-in, or of a proof: a code of the app, one by e-mail, or one of the recovery codes. */
export function FactorForm({ prompt, onShown, onOver }: Props) {
  const core = useCore();
  const [kind, setKind] = useState<FactorChoice>(prompt.factors[0] ?? 'totp');
  const [code, setCode] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: string }>('idle');
  const others = prompt.factors.filter((choice) => choice !== kind);
  const ready = code.replace(/[\s-]/g, '').length >= lengths[kind];

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setSending('busy');
    try {
      onShown(await core.call('showFactor', { kind, code }));
    } catch (error) {
      if (isOver(error)) return onOver(error);
      setCode('');
      setSending({ failed: failureText(error) });
    }
  };

  const change = (choice: FactorChoice) => {
    setKind(choice);
    setCode('');
    setSending('idle');
  };

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      {kind === 'email' && <SendCode />}
      <Field
        key={kind}
        label={text.factors.label[kind]}
        value={code}
        onValue={setCode}
        digits
        ref={takeFocus}
        autoComplete="one-time-code"
        autoCapitalize="characters"
        inputMode={kind === 'recoveryCode' ? 'text' : 'numeric'}
        spellCheck={false}
        hint={text.factors.hint[kind]}
        error={typeof sending === 'object' ? sending.failed : undefined}
      />
      <Button look="go" wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{text.factors.go}</Button>
      {others.map((other) => <button key={other} type="button" className={styles.other} onClick={() => change(other)}>{text.factors.instead[other]}</button>)}
    </form>
  );
}

function isOver(error: unknown): boolean {
  return error instanceof CoreError && (error.code === 'factorExpired' || error.code === 'factorTriesExhausted');
}

/** The step before had it, and is gone. */
function takeFocus(input: HTMLInputElement | null): void {
  input?.focus();
}
