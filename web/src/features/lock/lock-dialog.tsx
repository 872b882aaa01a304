import { useRef, useState } from 'react';
import type { FormEvent } from 'react';
import { useCoreState, useMounted } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { PasswordField } from '../../ui/field';
import { say } from '../../ui/toast';
import styles from './lock.module.css';

export type LockTask = 'set' | 'change' | 'remove';
type Props = { task: LockTask; onClose: () => void };

const shown = { showLabel: text.lock.show, hideLabel: text.lock.hide };

/** The passphrase so far, if there is one, then twice the new one, if there is to be one. */
export function LockDialog({ task, onClose }: Props) {
  const { core, state } = useMounted();
  const minChars = useCoreState(({ limits }) => limits?.passwordMinChars ?? 0);
  const [current, setCurrent] = useState('');
  const [passphrase, setPassphrase] = useState('');
  const [again, setAgain] = useState('');
  const [sending, setSending] = useState<'idle' | 'busy' | { failed: string }>('idle');
  const first = useRef<HTMLInputElement>(null);
  const asksCurrent = task !== 'set';
  const asksNew = task !== 'remove';
  const differ = again !== '' && !passphrase.startsWith(again) && again !== passphrase;
  const ready = (!asksCurrent || current !== '') && (!asksNew || ([...passphrase].length >= minChars && again === passphrase));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || sending === 'busy') return;
    setSending('busy');
    try {
      if (task === 'remove') await core.call('removeLock', { current });
      else await core.call('setLock', { passphrase, current: asksCurrent ? current : null });
      state.setState({ keeping: task === 'remove' ? 'browser' : 'passphrase' });
      say(text.lock.done[task]);
      onClose();
    } catch (error) {
      setSending({ failed: failureText(error) });
    }
  };

  const failed = typeof sending === 'object' ? sending.failed : undefined;
  return (
    <Dialog title={text.lock.tasks[task]} closeLabel={text.close} onClose={onClose} focus={first}>
      <form className={styles.form} onSubmit={submit} noValidate>
        <p className={styles.soft}>{task === 'remove' ? text.lock.removeText : text.lock.setText}</p>
        {asksCurrent && <PasswordField {...shown} ref={first} label={text.lock.current} value={current} onValue={setCurrent} autoComplete="off" error={failed} />}
        {asksNew && <PasswordField {...shown} {...(asksCurrent ? {} : { ref: first })} label={text.lock.next} value={passphrase} onValue={setPassphrase} autoComplete="off" hint={text.lock.hint(minChars)} error={asksCurrent ? undefined : failed} />}
        {asksNew && <PasswordField {...shown} label={text.lock.again} value={again} onValue={setAgain} autoComplete="off" error={differ ? text.lock.differ : undefined} />}
        <Button look={task === 'remove' ? 'stop' : 'go'} wide type="submit" busy={sending === 'busy'} disabled={!ready || sending === 'busy'}>{text.lock.action[task]}</Button>
      </form>
    </Dialog>
  );
}
