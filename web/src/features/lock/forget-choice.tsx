import { text } from '../../text/en';
import { Switch } from '../../ui/parts';
import styles from './lock.module.css';

type Props = { on: boolean; onChange: (on: boolean) => void };

/** Before signing in on a computer that others use. */
export function ForgetChoice({ on, onChange }: Props) {
  return (
    <div className={styles.forget}>
      <Switch label={text.forget.label} hint={text.forget.hint} on={on} onChange={onChange} />
      {on && <p className={styles.forgetLimits}>{text.forget.limits}</p>}
    </div>
  );
}
