import { LockKeyhole, LockKeyholeOpen, Timer } from 'lucide-react';
import { useState } from 'react';
import { useCoreState, useMounted, useSettings } from '../../core/context';
import { lockAllTabs } from '../../core/lock';
import { lockChoices, settings } from '../../core/settings';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import { Segmented } from '../../ui/segmented';
import type_ from '../../ui/type.module.css';
import { LockDialog } from './lock-dialog';
import type { LockTask } from './lock-dialog';
import styles from './lock.module.css';

/** The lock of this browser's store: how it is, what can be changed about it, and what it can't do. */
export function LockSettings() {
  const keeping = useCoreState((state) => state.keeping);
  const [task, setTask] = useState<LockTask | null>(null);
  const locks = keeping === 'passphrase';
  const Icon = locks ? LockKeyhole : LockKeyholeOpen;
  return (
    <section className={layout.tight} aria-labelledby="lock">
      <h2 id="lock" className={type_.subtitle}>{text.lock.title}</h2>
      <p className={type_.soft}>{text.lock.lead}</p>
      <div className={`${layout.card} ${layout.rows}`}>
        <div className={`${layout.prop} ${styles.wraps}`}>
          <Icon size={20} strokeWidth={1.6} aria-hidden />
          <span className={layout.grow}>{text.lock.state[keeping].what}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.lock.state[keeping].text}</span></span>
          {locks
            ? <div className={`${layout.row} ${styles.last}`}><Button look="quiet" size="small" onClick={() => setTask('change')}>{text.lock.change}</Button><Button look="stop" size="small" onClick={() => setTask('remove')}>{text.lock.remove}</Button></div>
            : <Button look="quiet" size="small" onClick={() => setTask('set')}>{text.lock.set}</Button>}
        </div>
        {locks && <WhenToLock />}
      </div>
      <ul className={styles.limits}>{text.lock.limits.map((limit) => <li key={limit}>{limit}</li>)}</ul>
      {task && <LockDialog task={task} onClose={() => setTask(null)} />}
    </section>
  );
}

function WhenToLock() {
  const mounted = useMounted();
  const { lockAfterMinutes } = useSettings();
  return (
    <>
      <div className={styles.choice}>
        <span>{text.lock.after}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.lock.afterText}</span></span>
        <Segmented
          label={text.lock.after}
          value={String(lockAfterMinutes)}
          onChange={(chosen) => settings.setState({ lockAfterMinutes: Number(chosen) })}
          options={lockChoices.map((minutes) => ({ value: String(minutes), label: text.lock.minutes(minutes) }))}
        />
      </div>
      <div className={layout.prop}>
        <Timer size={20} strokeWidth={1.6} aria-hidden />
        <span className={layout.grow}>{text.lock.now}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.lock.nowHint}</span></span>
        <Button look="quiet" size="small" onClick={() => void lockAllTabs(mounted)}>{text.lock.now}</Button>
      </div>
    </>
  );
}
