import { Link } from 'lucide-react';
import { useState } from 'react';
import type { GroupId } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import layout from '../../ui/layout.module.css';
import { Note } from '../../ui/parts';
import type { Linked } from './contact-link';
import styles from './contacts.module.css';

type Props = { who: Linked; onClose: () => void; onStarted: (groupId: GroupId) => void };

/** Asks before a link that somebody gave starts a chat. */
export function LinkedChatDialog({ who, onClose, onStarted }: Props) {
  const core = useCore();
  const [starting, setStarting] = useState<'idle' | 'busy' | { failed: string }>('idle');

  const start = async () => {
    setStarting('busy');
    try {
      onStarted((await core.call('startConversationByLink', who)).groupId);
    } catch (error) {
      setStarting({ failed: failureText(error) });
    }
  };

  return (
    <Dialog title={text.links.title(who.handle)} closeLabel={text.close} onClose={onClose}>
      <div className={layout.stack}>
        <Note icon={<Link size={16} strokeWidth={1.6} aria-hidden />}>{text.links.note}</Note>
        {typeof starting === 'object' && <p role="alert" className={styles.failed}>{starting.failed}</p>}
        <Button look="go" wide busy={starting === 'busy'} disabled={starting === 'busy'} onClick={() => void start()}>{starting === 'busy' ? text.newChat.busy : text.newChat.submit}</Button>
      </div>
    </Dialog>
  );
}
