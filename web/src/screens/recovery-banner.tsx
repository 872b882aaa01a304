import { KeyRound } from 'lucide-react';
import { useLocation } from 'wouter';
import { useCoreState } from '../core/context';
import { text } from '../text/en';
import { Button } from '../ui/button';
import { Note } from '../ui/parts';
import styles from './screens.module.css';

/** Stays until the key was typed back. */
export function RecoveryBanner() {
  const saved = useCoreState((state) => state.profile?.recoveryKeyConfirmed ?? true);
  const [, navigate] = useLocation();
  if (saved) return null;
  return (
    <div className={styles.banners}>
      <Note look="warn" icon={<KeyRound size={16} strokeWidth={1.6} aria-hidden />}>
        <b>{text.recoveryKey.banner}</b>
        <span>{text.recoveryKey.bannerText}</span>
        <Button look="quiet" size="small" className={styles.inNote} onClick={() => navigate('/recovery-key?again')}>{text.recoveryKey.bannerAction}</Button>
      </Note>
    </div>
  );
}
