import { useState } from 'react';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import styles from './accounts.module.css';

/** `words`: of a store that can't be opened; nobody knows whether its recovery key was saved. */
type Props = { words?: { leaveTitle: string; leaveText: string; leaveUnsaved: string }; onClose: () => void };
type Leaving = 'idle' | 'telling' | 'forgetting' | { untold: string };

export function LogOutDialog({ words, onClose }: Props) {
  const core = useCore();
  const saved = useCoreState((state) => state.profile?.recoveryKeyConfirmed ?? true);
  const [leaving, setLeaving] = useState<Leaving>('idle');
  const untold = typeof leaving === 'object';

  // The screen changes with the event `signedOut`.
  const leave = async (how: 'telling' | 'forgetting') => {
    setLeaving(how);
    try {
      await core.call(how === 'telling' ? 'logOut' : 'forgetAccount', {});
    } catch (error) {
      setLeaving({ untold: failureText(error) });
    }
  };

  return (
    <Dialog title={words?.leaveTitle ?? text.logOut.title} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.softText}>{words?.leaveText ?? text.logOut.text}</p>
      {words && <p className={styles.softText}>{words.leaveUnsaved}</p>}
      {!saved && <p className={styles.failed}>{text.logOut.textUnsaved}</p>}
      {untold && <p role="alert" className={styles.failed}>{text.logOut.untold(leaving.untold)}</p>}
      {untold && <p className={styles.softText}>{text.logOut.untoldText}</p>}
      <div className={styles.actions}>
        <Button look="stop" grow busy={leaving === 'telling'} onClick={() => void leave('telling')}>
          {untold ? text.logOut.again : text.logOut.action}
        </Button>
        {(untold || leaving === 'forgetting') && (
          <Button look="stop" busy={leaving === 'forgetting'} onClick={() => void leave('forgetting')}>
            {text.logOut.forget}
          </Button>
        )}
        <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
      </div>
    </Dialog>
  );
}
