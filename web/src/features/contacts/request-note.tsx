import { UserRoundPlus } from 'lucide-react';
import { useState } from 'react';
import type { Contact } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { say } from '../../ui/toast';
import styles from './contacts.module.css';
import { RemoveDialog } from './remove-dialog';

/** Stands over the field to write in while somebody who wrote first waits for an answer. */
export function RequestNote({ contact }: { contact: Contact }) {
  const core = useCore();
  const [removing, setRemoving] = useState(false);
  const { accountId, displayName } = contact;

  const decide = async (what: 'acceptContact' | 'blockContact') => {
    try {
      await core.call(what, { accountId });
    } catch (error) {
      say(failureText(error));
    }
  };

  return (
    <div className={styles.request} role="status">
      <UserRoundPlus size={20} strokeWidth={1.6} aria-hidden />
      <span>{text.requests.note(displayName)}</span>
      <div className={styles.requestActions}>
        <Button look="go" size="small" onClick={() => void decide('acceptContact')}>{text.requests.accept}</Button>
        <Button look="plain" size="small" onClick={() => void decide('blockContact')}>{text.requests.block}</Button>
        <Button look="plain" size="small" onClick={() => setRemoving(true)}>{text.requests.remove}</Button>
      </div>
      {removing && <RemoveDialog contact={contact} onClose={() => setRemoving(false)} />}
    </div>
  );
}
