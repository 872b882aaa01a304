import { ShieldAlert } from 'lucide-react';
import { useCoreState } from '../core/context';
import { text } from '../text/en';
import { Note } from '../ui/parts';
import styles from './screens.module.css';

/** What the relay did with contacts and settings, and was not believed (K-6). */
export function RecordsNote() {
  const trouble = useCoreState((state) => state.recordsTrouble);
  if (!trouble) return null;
  const { what, details } = text.recordsTrouble[trouble];
  return (
    <div className={styles.banners} role="alert">
      <Note look="warn" icon={<ShieldAlert size={16} strokeWidth={1.6} aria-hidden />}>
        <span><b>{what}</b> {details}</span>
      </Note>
    </div>
  );
}
