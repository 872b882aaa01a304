import { useState } from 'react';
import type { ContactDetails } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { say } from '../../ui/toast';
import styles from './contacts.module.css';

type Props = { contact: ContactDetails; onClose: () => void };

/** Says what a block does before it is made. */
export function BlockDialog({ contact, onClose }: Props) {
  const core = useCore();
  const [failed, setFailed] = useState<string | null>(null);

  const block = async () => {
    try {
      await core.call('blockContact', { accountId: contact.accountId });
      say(text.contact.blockDone(contact.displayName));
      onClose();
    } catch (error) {
      setFailed(failureText(error));
    }
  };

  return (
    <Dialog title={text.contact.blockTitle(contact.displayName)} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.soft}>{text.contact.blockText(contact.displayName)}</p>
      {failed && <p role="alert" className={styles.failed}>{failed}</p>}
      <div className={styles.actions}>
        <Button look="stop" grow onClick={() => void block()}>{text.contact.blockAction}</Button>
        <Button look="quiet" onClick={onClose}>{text.cancel}</Button>
      </div>
    </Dialog>
  );
}
