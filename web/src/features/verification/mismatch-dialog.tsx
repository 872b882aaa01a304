import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import styles from './verification.module.css';

type Props = { name: string; onClose: () => void };

/** Numbers that differ: what it means, and what not to do now. */
export function MismatchDialog({ name, onClose }: Props) {
  return (
    <Dialog title={text.verify.differ.title} closeLabel={text.close} onClose={onClose} cross={false}>
      <p className={styles.soft}>{text.verify.differ.text(name)}</p>
      <p className={styles.soft}>{text.verify.differ.next(name)}</p>
      <Button look="plain" wide onClick={onClose}>{text.verify.differ.action}</Button>
    </Dialog>
  );
}
