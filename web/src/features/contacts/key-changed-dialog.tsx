import { useState } from 'react';
import type { ContactDetails } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import styles from './contacts.module.css';

type Props = { contact: ContactDetails; onClose: () => void; onCompare: () => void };

/** Asked once per changed key, and again from the line above the composer. */
export function KeyChangedDialog({ contact, onClose, onCompare }: Props) {
  const core = useCore();
  const [failed, setFailed] = useState<string | null>(null);
  const name = contact.displayName;
  const wasVerified = contact.trust.state === 'changed' && contact.trust.wasVerified;

  const accept = async () => {
    try {
      await core.call('acceptKey', { accountId: contact.accountId, fingerprint: contact.fingerprint });
      onClose();
    } catch (error) {
      setFailed(failureText(error));
    }
  };

  return (
    <Dialog title={text.keyChanged.title(name)} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.soft}>{wasVerified ? text.keyChanged.textVerified(name) : text.keyChanged.text(name)}</p>
      {failed && <p role="alert" className={styles.failed}>{failed}</p>}
      <div className={styles.choices}>
        <Button look="go" wide onClick={onCompare}>{text.keyChanged.compare}</Button>
        <div className={styles.actions}>
          <Button look="quiet" grow onClick={onClose}>{text.keyChanged.notNow}</Button>
          <Button look="plain" grow onClick={() => void accept()}>{text.keyChanged.accept}</Button>
        </div>
      </div>
    </Dialog>
  );
}
