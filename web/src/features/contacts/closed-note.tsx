import { UserX } from 'lucide-react';
import type { Contact } from '../../core/calls';
import { text } from '../../text/en';
import styles from './contacts.module.css';

/** Stands where one would write to somebody whose account was deleted. */
export function ClosedNote({ contact }: { contact: Contact }) {
  return (
    <div className={styles.closed} role="status">
      <UserX size={20} strokeWidth={1.6} aria-hidden />
      <span>{text.deletion.closed(contact.displayName)}</span>
    </div>
  );
}
