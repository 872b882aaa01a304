import { TriangleAlert } from 'lucide-react';
import { useCoreState } from '../core/context';
import { text } from '../text/en';
import { Note } from '../ui/parts';
import styles from './screens.module.css';

/** Stays while the relay gives a device list of one's own that was refused. */
export function RefusedListBanner() {
  const fault = useCoreState((state) => state.profile?.refusedList ?? null);
  if (!fault) return null;
  return (
    <div className={styles.banners} role="alert">
      <Note look="warn" icon={<TriangleAlert size={16} strokeWidth={1.6} aria-hidden />}>
        <b>{text.refusedOwnList.title}</b>
        <span>{text.refusedOwnList.text(text.listFault[fault])}</span>
      </Note>
    </div>
  );
}
