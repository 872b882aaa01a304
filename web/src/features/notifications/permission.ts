import { settings } from '../../core/settings';

/** Asks the browser, if it hasn't been asked; false: it (or somebody, earlier) said no. */
export async function turnOnNotifications(): Promise<boolean> {
  if (!('Notification' in window)) return false;
  const granted = (await Notification.requestPermission()) === 'granted';
  settings.setState({ notify: granted });
  return granted;
}
