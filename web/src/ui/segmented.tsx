import { useId } from 'react';
import styles from './segmented.module.css';

type Props<T extends string> = { label: string; options: { value: T; label: string }[]; value: T; onChange: (value: T) => void };

/** Two to four choices side by side: native radios, so that arrows and names just work. */
export function Segmented<T extends string>({ label, options, value, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles.option}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
