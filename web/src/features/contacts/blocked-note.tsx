import { Ban } from 'lucide-react';
import type { Contact } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { say } from '../../ui/toast';
import styles from './contacts.module.css';

/** Stands where one would write to somebody who is not blocked. */
export function BlockedNote({ contact }: { contact: Contact }) {
  const core = useCore();

  const unblock = async () => {
    try {
      await core.call('unblockContact', { accountId: contact.accountId });
    } catch (error) {
      say(failureText(error));
    }
  };

  return (
    <div className={styles.closed} role="status">
      <Ban size={20} strokeWidth={1.6} aria-hidden />
      <span>{text.contact.blockedNote(contact.displayName)}</span>
      <Button look="plain" size="small" onClick={() => void unblock()}>{text.contact.unblock}</Button>
    </div>
  );
}
