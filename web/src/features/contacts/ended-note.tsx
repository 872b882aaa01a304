import { Unplug } from 'lucide-react';
import { useState } from 'react';
import type { Contact } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { say } from '../../ui/toast';
import styles from './contacts.module.css';

/** Stands where one would write in a conversation that this browser can't follow any more. */
export function EndedNote({ peer }: { peer: Contact }) {
  const core = useCore();
  const [busy, setBusy] = useState(false);

  const beginAgain = async () => {
    setBusy(true);
    try {
      await core.call('startConversation', { handle: peer.handle });
    } catch (error) {
      say(failureText(error));
    }
    setBusy(false);
  };

  return (
    <div className={styles.closed} role="status">
      <Unplug size={20} strokeWidth={1.6} aria-hidden />
      <span>{text.composer.ended(peer.displayName)}</span>
      <Button look="plain" size="small" busy={busy} onClick={() => void beginAgain()}>{text.composer.beginAgain}</Button>
    </div>
  );
}
