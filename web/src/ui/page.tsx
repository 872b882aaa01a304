import type { ReactNode } from 'react';
import { Wordmark } from './mark';
import styles from './page.module.css';

type Props = { aside?: ReactNode; footer: ReactNode; width?: 'normal' | 'wide'; children: ReactNode };

/** A page with one thing to do. */
export function Page({ aside, footer, width = 'normal', children }: Props) {
  return (
    <div className={styles.page}>
      <header className={styles.edge}>
        <Wordmark />
        <span className={styles.aside}>{aside}</span>
      </header>
      <main className={[styles.main, width === 'wide' && styles.wide].filter(Boolean).join(' ')}>{children}</main>
      <footer className={styles.edge}>{footer}</footer>
    </div>
  );
}
