import { Bell } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useMounted, useSettings } from '../../core/context';
import { settings } from '../../core/settings';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { say } from '../../ui/toast';
import styles from './notifications.module.css';
import { turnOnNotifications } from './permission';

const refusedMs = 30 * 86_400_000;

/** Never at load: only after somebody wrote while nobody looked. "Not now" holds for 30 days. */
export function AskCard() {
  const { core, state } = useMounted();
  const { notify, notifyAskAfter } = useSettings();
  const [from, setFrom] = useState<string | null>(null);

  useEffect(
    () =>
      core.subscribe((event) => {
        if (event.type !== 'messageReceived' || document.hasFocus()) return;
        setFrom(state.getState().conversations?.[event.message.groupId]?.peer.displayName ?? null);
      }),
    [core, state],
  );

  const askable = 'Notification' in window && Notification.permission === 'default' && !notify && Date.now() > notifyAskAfter;
  if (!from || !askable) return null;

  const turnOn = async () => {
    if (!(await turnOnNotifications())) say(text.notifications.denied);
    setFrom(null);
  };

  return (
    <section className={styles.ask} aria-label={text.notifications.title}>
      <Bell size={20} strokeWidth={1.6} aria-hidden />
      <div>
        <p className={styles.askTitle}>{text.notifications.askTitle(from)}</p>
        <p className={styles.askText}>{text.notifications.askText}</p>
        <div className={styles.askActions}>
          <Button look="plain" size="small" onClick={() => void turnOn()}>{text.notifications.yes}</Button>
          <Button look="quiet" size="small" onClick={() => settings.setState({ notifyAskAfter: Date.now() + refusedMs })}>{text.notifications.no}</Button>
        </div>
      </div>
    </section>
  );
}
