import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useRef } from 'react';
import type { ReactNode, RefObject } from 'react';
import { IconButton } from './button';
import styles from './dialog.module.css';
import type_ from './type.module.css';

type Props = {
  title: string;
  closeLabel: string;
  onClose: () => void;
  children: ReactNode;
  /** What gets the focus; without it the sheet itself. */
  focus?: RefObject<HTMLElement | null>;
  /** Asked when it closes: does the focus go back to where it came from? */
  goesBack?: () => boolean;
  /** A question that must be answered by one of its buttons shows no cross (Esc still closes it). */
  cross?: boolean;
};

/** A sheet over the page. Mounted = open, so that its state starts anew each time. */
export function Dialog({ title, closeLabel, onClose, children, focus, goesBack, cross = true }: Props) {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open onOpenChange={(open) => open || onClose()}>
      <Base.Portal>
        <Base.Backdrop className={styles.veil} />
        <Base.Viewport className={styles.viewport}>
          <Base.Popup ref={popup} className={styles.sheet} initialFocus={focus ?? popup} finalFocus={goesBack}>
            <div className={styles.head}>
              <Base.Title className={type_.title}>{title}</Base.Title>
              {cross && <IconButton label={closeLabel} onClick={onClose}><X size={20} strokeWidth={1.6} aria-hidden /></IconButton>}
            </div>
            {children}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

type LightboxProps = { label: string; closeLabel: string; onClose: () => void; actions: ReactNode; children: ReactNode };

/** One picture over everything. */
export function Lightbox({ label, closeLabel, onClose, actions, children }: LightboxProps) {
  return (
    <Base.Root open onOpenChange={(open) => open || onClose()}>
      <Base.Portal>
        <Base.Backdrop className={styles.dark} />
        <Base.Popup className={styles.lightbox} aria-label={label}>
          <div className={styles.bar}>
            <span className={styles.caption}>{label}</span>
            {actions}
            <IconButton label={closeLabel} onClick={onClose}><X size={20} strokeWidth={1.6} aria-hidden /></IconButton>
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
