import { useState } from 'react';
import type { ComponentType, FormEvent } from 'react';
import { CoreError } from '../../core/calls';
import type { Device, FactorPrompt } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { PasswordField } from '../../ui/field';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import styles from './devices.module.css';
import { useRemoval } from './use-removal';

/** Asks for a second step; another feature's. */
export type SecondStepForm = ComponentType<{ prompt: FactorPrompt; onShown: () => void; onOver: (error: unknown) => void }>;

type Props = { devices: Device[]; stranger: boolean; SecondStep: SecondStepForm; onClose: () => void };

/** Says what a removal takes, asks for the password, and tells what came of it. */
export function RemoveDialog({ devices, stranger, SecondStep, onClose }: Props) {
  const { removal, remove, done, failed } = useRemoval(devices);
  const [unknown, setUnknown] = useState(stranger);
  const names = devices.map((device) => device.name ?? text.devices.unnamed);
  if (removal.state === 'done') return <Removed names={names} stranger={unknown} onClose={onClose} />;
  if (removal.state === 'factor') {
    return (
      <Dialog title={text.devices.removing.title(names)} closeLabel={text.close} onClose={onClose}>
        <SecondStep prompt={removal.prompt} onShown={done} onOver={failed} />
      </Dialog>
    );
  }
  return (
    <Dialog title={unknown ? text.devices.removing.strangerTitle : text.devices.removing.title(names)} closeLabel={text.close} onClose={onClose} cross={false}>
      {unknown && <p className={type_.soft}>{text.devices.removing.stranger}</p>}
      <div className={layout.tight}>
        <p className={type_.soft}>{text.devices.removing.lost}</p>
        <ul className={styles.lost}>{text.devices.removing.lostList.map((line) => <li key={line}>{line}</li>)}</ul>
        <p className={type_.soft}>{text.devices.removing.kept}</p>
      </div>
      <PasswordForm
        count={devices.length}
        busy={removal.state === 'busy'}
        error={removal.state === 'failed' ? removal.error : null}
        onPassword={remove}
        onClose={onClose}
      />
      {!unknown && devices.length === 1 && <Button look="quiet" size="small" onClick={() => setUnknown(true)}>{text.devices.removing.unknown}</Button>}
    </Dialog>
  );
}

type FormProps = { count: number; busy: boolean; error: unknown; onPassword: (password: string) => void; onClose: () => void };

function PasswordForm({ count, busy, error, onPassword, onClose }: FormProps) {
  const [password, setPassword] = useState('');
  const wrong = error instanceof CoreError && error.code === 'wrongPassword';

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (password !== '' && !busy) onPassword(password);
  };

  return (
    <form className={layout.stack} onSubmit={submit} noValidate>
      <PasswordField label={text.devices.removing.password} value={password} onValue={setPassword} autoComplete="current-password" showLabel={text.showPassword} hideLabel={text.hidePassword} error={wrong ? failureText(error) : undefined} />
      {error !== null && !wrong && <p role="alert" className={styles.failed}>{failureText(error)}</p>}
      <div className={layout.row}>
        <Button look="stop" type="submit" className={layout.grow} busy={busy} disabled={password === '' || busy}>{busy ? text.devices.removing.busy : text.devices.removing.action(count)}</Button>
        <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
      </div>
    </form>
  );
}

function Removed({ names, stranger, onClose }: { names: string[]; stranger: boolean; onClose: () => void }) {
  return (
    <Dialog title={text.devices.removed.title} closeLabel={text.close} onClose={onClose} cross={false}>
      <p role="status">{text.devices.removed.text(names)} {text.devices.removed.key}</p>
      {stranger && <p className={type_.soft}>{text.devices.removed.stranger}</p>}
      <Button look="plain" onClick={onClose}>{text.devices.removed.done}</Button>
    </Dialog>
  );
}
