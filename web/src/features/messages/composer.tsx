import { ArrowRight, Paperclip } from 'lucide-react';
import { useEffect, useRef } from 'react';
import type { ClipboardEvent, KeyboardEvent } from 'react';
import type { Conversation } from '../../core/calls';
import { useCoreState, useMounted } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { IconButton } from '../../ui/button';
import { say } from '../../ui/toast';
import styles from './composer.module.css';

type Props = { conversation: Conversation; onFiles: (files: File[]) => void };

const encoder = new TextEncoder();
/** From here on the counter is shown. */
const nearShare = 0.9;

/** Text and files of the next message. The draft lives in the state, so that it outlasts the view. */
export function Composer({ conversation, onFiles }: Props) {
  const { core, state } = useMounted();
  const { groupId, peer } = conversation;
  const draft = useCoreState((mirror) => mirror.drafts[groupId] ?? '');
  const maxBytes = useCoreState((mirror) => mirror.limits?.textMaxBytes ?? Infinity);
  const input = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const bytes = encoder.encode(draft).length;
  const tooLong = bytes > maxBytes;
  const empty = draft.trim() === '';

  const setDraft = (value: string) => state.setState((before) => ({ drafts: { ...before.drafts, [groupId]: value } }));

  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) input.current?.focus();
  }, [groupId]);

  const send = async () => {
    if (empty || tooLong) return;
    setDraft('');
    input.current?.focus();
    try {
      await core.call('sendText', { groupId, text: draft.trim() });
    } catch (error) {
      // Nothing was saved: the text goes back, unless something new stands there already.
      if (!state.getState().drafts[groupId]) setDraft(draft);
      say(failureText(error));
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // On a touch keyboard Enter is the only way to a new line; the button sends.
    const sends = event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing && !matchMedia('(pointer: coarse)').matches;
    if (!sends) return;
    event.preventDefault();
    void send();
  };

  const onPaste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  };

  return (
    <form className={styles.write} onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <IconButton label={text.composer.attach} onClick={() => picker.current?.click()}><Paperclip size={20} strokeWidth={1.6} aria-hidden /></IconButton>
      <input ref={picker} type="file" multiple hidden aria-label={text.composer.attach} onChange={(event) => { onFiles([...(event.target.files ?? [])]); event.target.value = ''; }} />
      <div className={styles.box}>
        <textarea ref={input} rows={1} aria-label={text.composer.message(peer.displayName)} placeholder={text.composer.message(peer.displayName)} value={draft} onChange={(event) => setDraft(event.target.value)} onKeyDown={onKeyDown} onPaste={onPaste} dir="auto" aria-invalid={tooLong || undefined} enterKeyHint="enter" />
        {bytes > maxBytes * nearShare && <span className={tooLong ? styles.over : styles.left} role="status">{tooLong ? text.composer.tooLong(bytes - maxBytes) : text.composer.left(maxBytes - bytes)}</span>}
      </div>
      <button type="submit" className={styles.send} aria-label={text.composer.send} title={text.composer.send} disabled={empty || tooLong}><ArrowRight size={20} strokeWidth={1.8} aria-hidden /></button>
    </form>
  );
}
