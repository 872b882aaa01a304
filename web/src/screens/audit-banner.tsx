import { ShieldAlert } from 'lucide-react';
import { useLocation } from 'wouter';
import { useCoreState } from '../core/context';
import { text } from '../text/en';
import { Button } from '../ui/button';
import { Note } from '../ui/parts';
import styles from './screens.module.css';

/** The relay's log contradicts what this browser has seen. Stays until the person begins anew. */
export function AuditBanner() {
  const refused = useCoreState((state) => state.profile?.auditRefused ?? null);
  const [, navigate] = useLocation();
  if (refused === null) return null;
  return (
    <div className={styles.banners} role="alert">
      <Note look="warn" icon={<ShieldAlert size={16} strokeWidth={1.6} aria-hidden />}>
        <b>{text.audit.banner}</b>
        <span>{text.audit.bannerText}</span>
        <Button look="quiet" size="small" className={styles.inNote} onClick={() => navigate('/settings/security')}>{text.audit.bannerAction}</Button>
      </Note>
    </div>
  );
}
