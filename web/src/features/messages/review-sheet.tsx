import { ArrowRight, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { FormEvent } from 'react';
import type { Conversation } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { size } from '../../text/format';
import { IconButton } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { say } from '../../ui/toast';
import styles from './composer.module.css';
import { extension, shownName } from './file-names';
import { isPicture, pictureSize, rememberFile } from './pictures';

type Props = { conversation: Conversation; files: File[]; onClose: () => void };

/** What is about to be sent, once more, before anything leaves. */
export function ReviewSheet({ conversation, files: given, onClose }: Props) {
  const core = useCore();
  const maxBytes = useCoreState((state) => state.limits?.fileMaxBytes ?? Infinity);
  const [files, setFiles] = useState(given);
  const [caption, setCaption] = useState('');
  const captionInput = useRef<HTMLTextAreaElement>(null);
  const [only] = files;
  const tooLarge = files.some((file) => file.size > maxBytes);

  const remove = (file: File) => {
    const rest = files.filter((other) => other !== file);
    if (rest.length === 0) onClose();
    setFiles(rest);
  };

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (tooLarge) return;
    onClose();
    for (const [index, file] of files.entries()) {
      try {
        const image = await pictureSize(file);
        const { messageId } = await core.call('sendFile', { groupId: conversation.groupId, file, caption: index === 0 ? caption.trim() : '', image });
        rememberFile(messageId, file);
      } catch (error) {
        say(failureText(error));
      }
    }
  };

  return (
    <Dialog title={text.files.review(conversation.peer.displayName)} closeLabel={text.close} onClose={onClose} focus={captionInput}>
      {files.length === 1 && only && isPicture(only.type) && <div className={styles.only}><Thumb file={only} /></div>}
      <ul className={styles.files}>
        {files.map((file) => (
          <li key={`${file.name} ${file.size} ${file.lastModified}`} className={styles.fileRow}>
            {isPicture(file.type) ? <Thumb file={file} small /> : <span className={styles.thumb} aria-hidden>{extension(file.name) ?? text.files.kind}</span>}
            <span className={styles.fileName}>
              <bdi>{shownName(file.name)}</bdi>
              {file.size > maxBytes ? <span className={styles.bad} role="alert">{text.files.tooLarge(maxBytes)}</span> : <span>{size(file.size)}</span>}
            </span>
            <IconButton label={text.files.remove(shownName(file.name))} onClick={() => remove(file)}><X size={16} strokeWidth={1.8} aria-hidden /></IconButton>
          </li>
        ))}
      </ul>
      <form className={styles.caption} onSubmit={send}>
        <div className={styles.box}><textarea ref={captionInput} rows={1} aria-label={text.files.caption} placeholder={text.files.caption} value={caption} onChange={(event) => setCaption(event.target.value)} dir="auto" /></div>
        <button type="submit" className={styles.send} aria-label={text.composer.send} title={text.composer.send} disabled={tooLarge}><ArrowRight size={20} strokeWidth={1.8} aria-hidden /></button>
      </form>
    </Dialog>
  );
}

function Thumb({ file, small }: { file: File; small?: boolean }) {
  const [address, setAddress] = useState<string | null>(null);

  useEffect(() => {
    const made = URL.createObjectURL(file);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);

  if (!address) return null;
  return <img className={small ? styles.thumb : undefined} src={address} alt={small ? '' : shownName(file.name)} />;
}
