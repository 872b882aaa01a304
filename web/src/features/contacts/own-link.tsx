import { Copy, Link } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import type { OwnProfile } from '../../core/calls';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import layout from '../../ui/layout.module.css';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';
import { contactLink } from './contact-link';
import styles from './contacts.module.css';

const QrCode = lazy(async () => ({ default: (await import('../../ui/qr-code')).QrCode }));

/** One's own link, to be given to somebody: as text, or as a code for their camera. */
export function OwnLink({ profile }: { profile: OwnProfile }) {
  const [shown, setShown] = useState(false);
  const link = contactLink(location.origin, profile);

  const copy = async () => {
    await navigator.clipboard.writeText(link);
    say(text.links.copied);
  };

  return (
    <div className={layout.prop}>
      <Link size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>{text.links.own}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.links.ownHint}</span></span>
      <Button look="plain" size="small" aria-label={text.links.showOwn} onClick={() => setShown(true)}>{text.links.show}</Button>
      {shown && (
        <Dialog title={text.links.own} closeLabel={text.close} onClose={() => setShown(false)}>
          <div className={layout.stack}>
            <div className={styles.ownCode}><Suspense><QrCode payload={link} label={text.links.code} /></Suspense></div>
            <p className={styles.soft}>{text.links.codeText}</p>
            <Button look="go" wide onClick={() => void copy()} icon={<Copy size={16} strokeWidth={1.6} aria-hidden />}>{text.links.copy}</Button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
