import { Download } from 'lucide-react';
import { useState } from 'react';
import type { FileContent, Message } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { size } from '../../text/format';
import { IconButton } from '../../ui/button';
import { ProgressRing } from '../../ui/parts';
import { say } from '../../ui/toast';
import styles from './bubble.module.css';
import { extension, saveBlob, shownName } from './file-names';
import { CoreError } from '../../core/calls';
import { Picture } from './picture';
import { RichText } from './rich-text';
import { localFile } from './pictures';

type Props = { message: Message; file: FileContent };

/** A picture, or a card with name, size and what is under way. */
export function FileBody({ message, file }: Props) {
  return (
    <>
      {file.image ? <Picture message={message} file={file} image={file.image} /> : <FileCard message={message} file={file} />}
      {file.caption !== '' && <RichText text={file.caption} />}
    </>
  );
}

function FileCard({ message, file }: Props) {
  const core = useCore();
  const transfer = useCoreState((state) => state.transfers[message.messageId]);
  const [asked, setAsked] = useState(false);
  const { groupId, messageId } = message;
  const name = shownName(file.name);

  const save = async () => {
    setAsked(true);
    try {
      saveBlob(localFile(messageId) ?? (await core.call('openFile', { groupId, messageId })).blob, name);
    } catch (error) {
      if (!(error instanceof CoreError && error.code === 'cancelled')) say(failureText(error));
    } finally {
      setAsked(false);
    }
  };

  const cancel = () => void core.call('cancelTransfer', { groupId, messageId }).catch((error: unknown) => say(failureText(error)));
  const share = transfer ? transfer.doneBytes / transfer.totalBytes : 0;

  return (
    <div className={styles.file}>
      <span className={styles.kind} aria-hidden>{extension(name) ?? text.files.kind}</span>
      <span className={styles.fileText}>
        <bdi className={styles.fileName} title={name}>{name}</bdi>
        <span className={styles.fileSize}>{transfer ? text.files.progress(transfer.doneBytes, transfer.totalBytes) : size(file.sizeBytes)}</span>
      </span>
      {transfer ? (
        <ProgressRing share={share} label={text.files.progressLabel(share)} onCancel={cancel} cancelLabel={transfer.direction === 'up' ? text.files.cancelUpload : text.files.cancelDownload} />
      ) : (
        message.delivery.state !== 'failed' && <IconButton label={text.files.download(name)} disabled={asked} onClick={() => void save()}><Download size={20} strokeWidth={1.6} aria-hidden /></IconButton>
      )}
    </div>
  );
}
