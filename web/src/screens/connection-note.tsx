import { Check, Clock3, CloudOff } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useCore, useCoreState } from '../core/context';
import { text } from '../text/en';
import { Button } from '../ui/button';
import { Note } from '../ui/parts';
import styles from './screens.module.css';

const quietMs = 2000;
const backMs = 4000;

/** Nothing while all is well; "connecting" only when it takes long; "back" when something had waited. */
export function ConnectionNote() {
  const core = useCore();
  const connection = useCoreState((state) => state.connection);
  const queued = useCoreState((state) => state.queued);
  const slow = useAfter(connection.state === 'connecting', quietMs);
  const back = useBack(connection.state === 'online' && queued === 0, connection.state === 'offline' && queued > 0);
  const size = { size: 16, strokeWidth: 1.6, 'aria-hidden': true } as const;

  return (
    <div className={styles.banners} role="status">
      {connection.state === 'connecting' && slow && <Note icon={<Clock3 {...size} />}>{text.connection.connecting}</Note>}
      {connection.state === 'offline' && (
        <Note look="warn" icon={<CloudOff {...size} />} action={<Button look="quiet" size="small" className={styles.inNote} onClick={() => void core.call('wake', {}).catch(() => undefined)}>{text.connection.retryNow}</Button>}>
          <span><b>{text.connection.offline}</b> {text.connection.offlineQueued(queued)}</span>
        </Note>
      )}
      {back && <Note look="ok" icon={<Check {...size} />}>{text.connection.back}</Note>}
    </div>
  );
}

/** True once something has been so for a while. */
function useAfter(so: boolean, ms: number): boolean {
  const [long, setLong] = useState(false);

  useEffect(() => {
    if (!so) return;
    const timer = setTimeout(() => setLong(true), ms);
    return () => {
      clearTimeout(timer);
      setLong(false);
    };
  }, [so, ms]);

  return so && long;
}

/** True for a moment after messages that had waited are sent. */
function useBack(allSent: boolean, waiting: boolean): boolean {
  const [back, setBack] = useState(false);
  const waited = useRef(false);

  useEffect(() => {
    if (waiting) waited.current = true;
    if (!allSent || !waited.current) return;
    waited.current = false;
    setBack(true);
    const timer = setTimeout(() => setBack(false), backMs);
    return () => clearTimeout(timer);
  }, [allSent, waiting]);

  return back && allSent;
}
