import { useState } from 'react';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import styles from './factors.module.css';

/** Has a code sent to the address on file, as often as the relay allows. */
export function SendCode() {
  const core = useCore();
  const [sending, setSending] = useState<'idle' | 'busy' | 'sent' | { failed: string }>('idle');

  const send = async () => {
    setSending('busy');
    try {
      await core.call('sendEmailCode', {});
      setSending('sent');
    } catch (error) {
      setSending({ failed: failureText(error) });
    }
  };

  return (
    <div className={styles.actions}>
      <Button look="plain" size="small" busy={sending === 'busy'} onClick={() => void send()}>{sending === 'sent' ? text.factors.sendAgain : text.factors.send}</Button>
      <span role="status" className={typeof sending === 'object' ? styles.failed : styles.soft}>{typeof sending === 'object' ? sending.failed : sending === 'sent' && text.factors.sent}</span>
    </div>
  );
}
