import { useState } from 'react';
import type { ReactNode } from 'react';
import { BuildLine } from '../features/settings/about';
import { text } from '../text/en';
import { Page } from '../ui/page';
import { RelaySeesDialog } from './relay-sees-dialog';
import styles from './screens.module.css';

type Props = { width?: 'normal' | 'wide'; children: ReactNode };

/** Frame of the pages with one thing to do: relay's name above, build below. */
export function BeforeSignIn({ width = 'normal', children }: Props) {
  const [asking, setAsking] = useState(false);
  return (
    <Page
      width={width}
      aside={location.host}
      footer={
        <>
          <BuildLine />
          <button type="button" className={styles.link} onClick={() => setAsking(true)}>{text.welcome.whatRelaySees}</button>
        </>
      }
    >
      {children}
      {asking && <RelaySeesDialog onClose={() => setAsking(false)} />}
    </Page>
  );
}
