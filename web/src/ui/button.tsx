import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import styles from './button.module.css';

type Props = ButtonHTMLAttributes<HTMLButtonElement> & {
  /** `go` is the one main action of a screen; never two of them on one. */
  look: 'go' | 'plain' | 'quiet' | 'stop';
  size?: 'normal' | 'small';
  wide?: boolean;
  grow?: boolean;
  /** Something is under way: it says so, and can't be pressed again. */
  busy?: boolean;
  icon?: ReactNode;
  ref?: Ref<HTMLButtonElement>;
};

export function Button({ look, size = 'normal', wide, grow, busy, icon, children, className, ...rest }: Props) {
  const classes = [styles.button, styles[look], size === 'small' && styles.small, wide && styles.wide, grow && styles.grow, className];
  return (
    <button type="button" {...rest} disabled={rest.disabled ?? busy} aria-busy={busy} className={classes.filter(Boolean).join(' ')}>
      {busy ? <span className={styles.spinner} aria-hidden /> : icon}
      {children}
    </button>
  );
}

type IconButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { label: string; children: ReactNode; ref?: Ref<HTMLButtonElement> };

export function IconButton({ label, children, className, ...rest }: IconButtonProps) {
  return (
    <button type="button" title={label} aria-label={label} {...rest} className={[styles.icon, className].filter(Boolean).join(' ')}>
      {children}
    </button>
  );
}
