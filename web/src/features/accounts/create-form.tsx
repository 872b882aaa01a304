import { Check } from 'lucide-react';
import { useState } from 'react';
import type { FormEvent } from 'react';
import { CoreError } from '../../core/calls';
import type { Colour, OwnProfile } from '../../core/calls';
import { deviceName } from '../../core/browser';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Face } from '../../ui/face';
import { Field } from '../../ui/field';
import styles from './accounts.module.css';
import { ColourPicker } from './colour-picker';
import { inviteCode } from './invite';
import { NewPassword } from './new-password';
import { passwordStrength } from './password-strength';
import { normalHandle, useHandleCheck } from './use-handle-check';

/** `invite`: what the relay asks for beside a name; `null` when it asks for nothing. */
type Props = { invite: { known: string | null } | null; onCreated: (profile: OwnProfile) => void };

/** Handle, name, colour, password; the keys are made by the core. */
export function CreateForm({ invite, onCreated }: Props) {
  const core = useCore();
  const limits = useCoreState((state) => state.limits);
  const [colour, setColour] = useState<Colour>(0);
  const [name, setName] = useState('');
  const [typedHandle, setTypedHandle] = useState('');
  const [password, setPassword] = useState('');
  const [typedInvite, setTypedInvite] = useState('');
  const [missing, setMissing] = useState<'invite' | 'name' | 'handle' | 'password' | null>(null);
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: unknown }>('idle');
  const handle = normalHandle(typedHandle);
  const check = useHandleCheck(handle);
  const code = invite?.known ?? inviteCode(typedInvite);
  const minChars = limits?.passwordMinChars ?? 0;
  const failedAt = typeof sending === 'object' && sending.failed instanceof CoreError ? sending.failed.code : null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const gap = invite && code === null ? 'invite' : name.trim() === '' ? 'name' : handle === '' || check === 'taken' || check === 'invalid' ? 'handle' : !passwordStrength(password, minChars).enough ? 'password' : null;
    setMissing(gap);
    if (gap) return;
    setSending('busy');
    try {
      const { profile } = await core.call('createAccount', { handle, displayName: name.trim(), colour, password, deviceName: deviceName(), invite: code ?? '' });
      onCreated(profile);
    } catch (error) {
      setSending({ failed: error });
    }
  };

  const handleError =
    check === 'taken' || failedAt === 'handleTaken' ? text.create.handleTaken(handle)
    : check === 'invalid' || failedAt === 'handleInvalid' || (missing === 'handle' && handle === '') ? text.create.handleInvalid
    : undefined;

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      {invite && invite.known === null && (
        <Field label={text.create.invite} value={typedInvite} onValue={setTypedInvite} autoComplete="off" autoCapitalize="none" spellCheck={false} hint={text.create.inviteHint} error={missing === 'invite' && code === null ? text.create.inviteMissing : undefined} />
      )}
      <div className={styles.face}>
        <Face name={name || handle || '·'} colour={colour} size="l" />
        <ColourPicker value={colour} onChange={setColour} />
      </div>
      <Field label={text.create.name} value={name} onValue={setName} autoComplete="name" maxLength={limits?.displayNameMaxBytes} hint={text.create.nameHint} error={missing === 'name' && name.trim() === '' ? text.create.nameMissing : failedAt === 'displayNameInvalid' ? failureText(typeof sending === 'object' && sending.failed) : undefined} />
      <Field
        label={text.create.handle}
        value={typedHandle}
        onValue={setTypedHandle}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={(limits?.handleMaxChars ?? 32) + 1}
        error={handleError}
        hint={check === 'free' ? <span className={styles.free}><Check size={16} strokeWidth={1.8} aria-hidden />{text.create.handleFree(handle)}</span> : check === 'checking' ? text.create.handleChecking : text.create.handleHint}
      />
      <NewPassword label={text.create.password} value={password} minChars={minChars} onValue={setPassword} error={missing === 'password' && !passwordStrength(password, minChars).enough ? text.create.passwordShort(minChars) : undefined} />
      {typeof sending === 'object' && !handleError && failedAt !== 'displayNameInvalid' && <p role="alert" className={styles.failed}>{failureText(sending.failed)}</p>}
      <Button look="go" wide type="submit" busy={sending === 'busy'}>{sending === 'busy' ? text.create.busy : text.create.submit}</Button>
    </form>
  );
}
