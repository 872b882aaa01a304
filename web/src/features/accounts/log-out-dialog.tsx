import { useState } from 'react';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import styles from './accounts.module.css';

type Props = { onClose: () => void };

export function LogOutDialog({ onClose }: Props) {
  const core = useCore();
  const saved = useCoreState((state) => state.profile?.recoveryKeyConfirmed ?? true);
  const [leaving, setLeaving] = useState<'idle' | 'busy' | { failed: string }>('idle');

  const leave = async () => {
    setLeaving('busy');
    try {
      // The screen changes with the event `signedOut`.
      await core.call('logOut', {});
    } catch (error) {
      setLeaving({ failed: failureText(error) });
    }
  };

  return (
    <Dialog title={text.logOut.title} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.softText}>{text.logOut.text}</p>
      {!saved && <p className={styles.failed}>{text.logOut.textUnsaved}</p>}
      {typeof leaving === 'object' && <p role="alert" className={styles.failed}>{leaving.failed}</p>}
      <div className={styles.actions}>
        <Button look="stop" grow busy={leaving === 'busy'} onClick={() => void leave()}>{text.logOut.action}</Button>
        <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
      </div>
    </Dialog>
  );
}
