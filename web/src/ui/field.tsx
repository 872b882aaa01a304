import { Eye, EyeOff } from 'lucide-react';
import { useId, useState } from 'react';
import type { InputHTMLAttributes, ReactNode, Ref } from 'react';
import { IconButton } from './button';
import styles from './field.module.css';

type Props = Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> & {
  label: string;
  /** For fields whose heading already says it. */
  labelHidden?: boolean;
  hint?: ReactNode;
  error?: ReactNode;
  onValue: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
  after?: ReactNode;
  /** Between the input and its hint. */
  below?: ReactNode;
  digits?: boolean;
};

export function Field({ label, labelHidden, hint, error, onValue, after, below, digits, ...input }: Props) {
  const id = useId();
  const describedBy = error || hint ? `${id}-hint` : undefined;
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={labelHidden ? styles.labelHidden : styles.label}>{label}</label>
      <div className={styles.line}>
        <input
          {...input}
          id={id}
          className={[styles.input, digits && styles.digits].filter(Boolean).join(' ')}
          aria-invalid={error ? true : undefined}
          aria-describedby={describedBy}
          onChange={(event) => onValue(event.target.value)}
        />
        {after}
      </div>
      {below}
      <div id={describedBy} className={styles.hints} aria-live="polite">
        {error ? <span className={styles.error}>{error}</span> : hint && <span className={styles.hint}>{hint}</span>}
      </div>
    </div>
  );
}

type PasswordProps = Omit<Props, 'type' | 'after'> & { showLabel: string; hideLabel: string };

export function PasswordField({ showLabel, hideLabel, ...field }: PasswordProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field
      spellCheck={false}
      autoCapitalize="none"
      {...field}
      type={shown ? 'text' : 'password'}
      after={
        <IconButton label={shown ? hideLabel : showLabel} onClick={() => setShown(!shown)}>
          {shown ? <EyeOff size={20} strokeWidth={1.6} aria-hidden /> : <Eye size={20} strokeWidth={1.6} aria-hidden />}
        </IconButton>
      }
    />
  );
}
