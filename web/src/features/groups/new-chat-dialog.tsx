import { Info } from 'lucide-react';
import { useRef, useState } from 'react';
import type { FormEvent } from 'react';
import type { GroupId } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Note } from '../../ui/parts';
import styles from './groups.module.css';

type Props = { handle: string; onClose: () => void; onStarted: (groupId: GroupId) => void };

export function NewChatDialog({ handle: given, onClose, onStarted }: Props) {
  const core = useCore();
  const ownName = useCoreState((state) => state.profile?.displayName ?? '');
  const [typed, setTyped] = useState(given);
  const [starting, setStarting] = useState<'idle' | 'busy' | { failed: string }>('idle');
  const input = useRef<HTMLInputElement>(null);
  const started = useRef(false);
  const handle = typed.trim().replace(/^@/, '').toLowerCase();

  const start = async (event: FormEvent) => {
    event.preventDefault();
    if (handle === '') return;
    setStarting('busy');
    try {
      const { groupId } = await core.call('startConversation', { handle });
      started.current = true;
      onStarted(groupId);
    } catch (error) {
      setStarting({ failed: failureText(error) });
    }
  };

  return (
    <Dialog title={text.newChat.title} closeLabel={text.close} onClose={onClose} focus={input} goesBack={() => !started.current}>
      <form className={styles.newChat} onSubmit={start} noValidate>
        <Field ref={input} label={text.newChat.handle} labelHidden placeholder={text.newChat.placeholder} value={typed} onValue={(value) => { setTyped(value); setStarting('idle'); }} autoComplete="off" autoCapitalize="none" spellCheck={false} error={typeof starting === 'object' ? starting.failed : undefined} />
        <Note icon={<Info size={16} strokeWidth={1.6} aria-hidden />}>{text.newChat.note(ownName)}</Note>
        <Button look="go" wide type="submit" busy={starting === 'busy'} disabled={handle === '' || starting === 'busy'}>{starting === 'busy' ? text.newChat.busy : text.newChat.submit}</Button>
      </form>
    </Dialog>
  );
}
