import { Eye, EyeOff } from 'lucide-react';
import { text } from '../text/en';
import { Dialog } from '../ui/dialog';
import styles from './screens.module.css';

export function RelaySeesDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={text.relaySees.title} closeLabel={text.close} onClose={onClose}>
      <h3 className={styles.seesHead}><EyeOff size={16} strokeWidth={1.6} aria-hidden />{text.relaySees.cannot}</h3>
      <ul className={styles.sees}>{text.relaySees.cannotList.map((line) => <li key={line}>{line}</li>)}</ul>
      <h3 className={styles.seesHead}><Eye size={16} strokeWidth={1.6} aria-hidden />{text.relaySees.can}</h3>
      <ul className={styles.sees}>{text.relaySees.canList.map((line) => <li key={line}>{line}</li>)}</ul>
      <p className={styles.honest}>{text.relaySees.honest}</p>
    </Dialog>
  );
}
