import styles from './mark.module.css';

/** The only drawing of our own: music's sign for "getting quieter", closing on a dot. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg className={styles.mark} width={size} height={size} viewBox="0 0 32 32" fill="none" stroke="currentColor" strokeWidth={2.6} strokeLinecap="round" aria-hidden>
      <path d="M4 7.5 22.5 16 4 24.5" />
      <circle cx="27" cy="16" r="2.1" fill="currentColor" stroke="none" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className={styles.word}>
      <Mark />
      Sotto
    </span>
  );
}
