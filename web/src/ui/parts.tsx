import { ShieldCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './parts.module.css';

export function Note({ look = 'plain', icon, children, action }: { look?: 'plain' | 'ok' | 'warn'; icon: ReactNode; children: ReactNode; action?: ReactNode }) {
  return (
    <div className={[styles.note, styles[look]].join(' ')}>
      {icon}
      <div className={styles.noteText}>{children}</div>
      {action}
    </div>
  );
}

export function Chip({ look = 'plain', children }: { look?: 'plain' | 'ok' | 'warn' | 'bad'; children: ReactNode }) {
  return <span className={[styles.chip, styles[`chip-${look}`]].join(' ')}>{children}</span>;
}

export function Pill({ count, label }: { count: number; label: string }) {
  if (count === 0) return null;
  return <span className={styles.pill} role="img" aria-label={label}>{count > 999 ? '999+' : count}</span>;
}

export function Shield({ label }: { label: string }) {
  return (
    <span className={styles.shield} role="img" aria-label={label} title={label}>
      <ShieldCheck size={16} strokeWidth={1.8} aria-hidden />
    </span>
  );
}

export function Switch({ label, hint, on, disabled, onChange }: { label: string; hint?: string; on: boolean; disabled?: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" role="switch" aria-checked={on} disabled={disabled} className={styles.switch} onClick={() => onChange(!on)}>
      <span className={styles.switchText}>
        {label}
        {hint && <span className={styles.switchHint}>{hint}</span>}
      </span>
      <span className={styles.track} aria-hidden />
    </button>
  );
}

export function Bar({ share, look, label }: { share: number; look: 'accent' | 'ok' | 'warn' | 'bad'; label: string }) {
  return <meter className={[styles.bar, styles[`bar-${look}`]].join(' ')} min={0} max={1} value={Math.min(1, Math.max(0.02, share))} aria-label={label} />;
}

/** Progress around its cancel button. */
export function ProgressRing({ share, label, onCancel, cancelLabel }: { share: number; label: string; onCancel: () => void; cancelLabel: string }) {
  return (
    <button type="button" className={styles.ring} onClick={onCancel} aria-label={cancelLabel} title={cancelLabel}>
      <svg width="36" height="36" viewBox="0 0 36 36" fill="none" strokeWidth="3" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
        <circle cx="18" cy="18" r="15" stroke="currentColor" opacity=".18" />
        <circle className={styles.ringDone} cx="18" cy="18" r="15" pathLength="100" strokeDasharray={`${Math.max(2, share * 100)} 100`} strokeLinecap="round" transform="rotate(-90 18 18)" />
        <path d="m14 14 8 8m0-8-8 8" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
      </svg>
    </button>
  );
}
