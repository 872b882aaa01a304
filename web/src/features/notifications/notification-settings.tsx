import { useChoose, useSettings } from '../../core/context';
import { settings } from '../../core/settings';
import { text } from '../../text/en';
import { Switch } from '../../ui/parts';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { say } from '../../ui/toast';
import { turnOnNotifications } from './permission';

export function NotificationSettings() {
  const { notify, notifyShowsName, notifyShowsText } = useSettings();
  const choose = useChoose();
  const supported = 'Notification' in window;
  const on = supported && notify && Notification.permission === 'granted';

  const change = async (wanted: boolean) => {
    if (!wanted) return settings.setState({ notify: false });
    if (!(await turnOnNotifications())) say(text.notifications.denied);
  };

  return (
    <div className={layout.stack}>
      <div className={`${layout.card} ${layout.rows}`}>
        <Switch label={text.notifications.on} hint={text.notifications.onHint} on={on} disabled={!supported} onChange={(wanted) => void change(wanted)} />
        <Switch label={text.notifications.showName} hint={text.notifications.showNameHint} on={notifyShowsName} disabled={!on} onChange={(wanted) => choose({ notifyShowsName: wanted })} />
        <Switch label={text.notifications.showText} hint={text.notifications.showTextHint} on={notifyShowsText} disabled={!on} onChange={(wanted) => choose({ notifyShowsText: wanted })} />
      </div>
      <p className={`${type_.sm} ${type_.faint}`}>{supported ? text.notifications.note : text.notifications.unsupported} {text.notifications.follows}</p>
    </div>
  );
}
