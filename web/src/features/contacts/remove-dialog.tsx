import { useState } from 'react';
import type { Contact } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { say } from '../../ui/toast';
import styles from './contacts.module.css';

type Props = { contact: Contact; onClose: () => void };

/** Says what goes with a contact before it goes. */
export function RemoveDialog({ contact, onClose }: Props) {
  const core = useCore();
  const [failed, setFailed] = useState<string | null>(null);
  const name = contact.displayName;

  const remove = async () => {
    try {
      await core.call('removeContact', { accountId: contact.accountId });
      say(text.requests.removeDone(name));
      onClose();
    } catch (error) {
      setFailed(failureText(error));
    }
  };

  return (
    <Dialog title={text.requests.removeTitle(name)} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.soft}>{text.requests.removeText(name)}</p>
      {failed && <p role="alert" className={styles.failed}>{failed}</p>}
      <div className={styles.actions}>
        <Button look="stop" grow onClick={() => void remove()}>{text.requests.remove}</Button>
        <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
      </div>
    </Dialog>
  );
}
