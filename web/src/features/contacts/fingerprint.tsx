import { useState } from 'react';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import styles from './contacts.module.css';

type Props = { label: string; digits: string };

const shortDigits = 32;

/** K-4: 8 groups of 4; the whole 64 digits on demand. */
export function Fingerprint({ label, digits }: Props) {
  const [whole, setWhole] = useState(false);
  const groups = digits.slice(0, whole ? digits.length : shortDigits).match(/.{1,4}/g) ?? [];
  return (
    <section className={styles.section}>
      <h2 className={styles.label}>{label}</h2>
      <ol className={styles.hex} aria-label={label}>
        {groups.map((group, index) => <li key={`${index}${group}`}>{group}</li>)}
      </ol>
      {!whole && <Button className={styles.whole} look="quiet" size="small" onClick={() => setWhole(true)}>{text.contact.wholeFingerprint}</Button>}
    </section>
  );
}
