import { Download, ImageDown } from 'lucide-react';
import { useEffect, useState } from 'react';
import { CoreError } from '../../core/calls';
import type { FileContent, Message } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { size } from '../../text/format';
import { Button, IconButton } from '../../ui/button';
import { Lightbox } from '../../ui/dialog';
import { ProgressRing } from '../../ui/parts';
import { say } from '../../ui/toast';
import styles from './bubble.module.css';
import { shownName } from './file-names';
import { loadsByItself, pictureAddress } from './pictures';

type Props = { message: Message; file: FileContent; image: { width: number; height: number } };
type Shown = { state: 'idle' } | { state: 'loading' } | { state: 'shown'; address: string } | { state: 'failed'; why: string };

/** A picture in its bubble; its place is kept while it loads, so that nothing jumps. */
export function Picture({ message, file, image }: Props) {
  const core = useCore();
  const transfer = useCoreState((state) => state.transfers[message.messageId]);
  const [picture, load] = usePicture(message, file);
  const [large, setLarge] = useState(false);
  const name = shownName(file.name);
  const ratio = Math.min(2.2, Math.max(0.62, image.width / image.height));
  const cancel = () => void core.call('cancelTransfer', { groupId: message.groupId, messageId: message.messageId }).catch((error: unknown) => say(failureText(error)));
  const share = transfer ? transfer.doneBytes / transfer.totalBytes : 0;

  return (
    <div className={styles.photo} style={{ aspectRatio: String(ratio) }}>
      {picture.state === 'shown' && <button type="button" className={styles.open} onClick={() => setLarge(true)} aria-label={text.files.open(name)}><img src={picture.address} alt={name} /></button>}
      {picture.state === 'failed' && <p className={styles.photoNote}>{picture.why}</p>}
      {(picture.state === 'idle' || picture.state === 'failed') && <Button look="plain" size="small" onClick={load} icon={<ImageDown size={16} strokeWidth={1.6} aria-hidden />}>{text.files.loadImage} ({size(file.sizeBytes)})</Button>}
      {transfer && <span className={styles.photoRing}><ProgressRing share={share} label={text.files.progressLabel(share)} onCancel={cancel} cancelLabel={transfer.direction === 'up' ? text.files.cancelUpload : text.files.cancelDownload} /></span>}
      {large && picture.state === 'shown' && (
        <Lightbox label={name} closeLabel={text.close} onClose={() => setLarge(false)} actions={<IconButton label={text.files.download(name)} onClick={() => save(picture.address, name)}><Download size={20} strokeWidth={1.6} aria-hidden /></IconButton>}>
          <img src={picture.address} alt={name} />
        </Lightbox>
      )}
    </div>
  );
}

function usePicture(message: Message, file: FileContent): [Shown, () => void] {
  const core = useCore();
  const [wanted, setWanted] = useState(() => loadsByItself(file));
  const [shown, setShown] = useState<Shown>(wanted ? { state: 'loading' } : { state: 'idle' });
  const { messageId, groupId } = message;

  useEffect(() => {
    if (!wanted) return;
    let current = true;
    pictureAddress(core, { messageId, groupId }, file.mimeType).then(
      (address) => current && setShown({ state: 'shown', address }),
      (error: unknown) => {
        if (!current) return;
        setWanted(false);
        setShown(error instanceof CoreError && error.code === 'cancelled' ? { state: 'idle' } : { state: 'failed', why: failureText(error) });
      },
    );
    return () => {
      current = false;
    };
  }, [core, messageId, groupId, file.mimeType, wanted]);

  return [shown, () => { setShown({ state: 'loading' }); setWanted(true); }];
}

function save(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}
