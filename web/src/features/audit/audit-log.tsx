import { Download, History, ShieldAlert, ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import type { AuditEntry, AuditLog, AuditRefusal } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { clock, day, fullTime } from '../../text/format';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import { Note } from '../../ui/parts';
import { saveFile } from '../../ui/save-file';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';
import styles from './audit.module.css';
import { useAudit } from './use-audit';

/** Rows that are shown at first, and more at each press of the button. */
const STEP = 30;

/** What happened to the account, as its checked log says. */
export function AuditLogCard() {
  const audit = useAudit();
  return (
    <section className={layout.stack} aria-labelledby="audit">
      <div>
        <h2 id="audit" className={type_.subtitle}>{text.audit.title}</h2>
        <p className={type_.soft}>{text.audit.lead}</p>
      </div>
      {audit.state === 'failed' && <p role="alert" className={type_.soft}>{failureText(audit.error)}</p>}
      {audit.state === 'shown' && (audit.log.refused === null ? <Checked log={audit.log} /> : <Refused refusal={audit.log.refused} log={audit.log} />)}
    </section>
  );
}

function Checked({ log }: { log: AuditLog }) {
  const handle = useCoreState((state) => state.profile?.handle ?? '');
  return (
    <>
      <Entries log={log} />
      <p className={`${layout.row} ${type_.sm} ${type_.faint}`}>
        <ShieldCheck size={16} strokeWidth={1.6} aria-hidden />
        <span className={layout.grow}>{text.audit.checked}</span>
        <Button look="quiet" size="small" onClick={() => saveFile(text.audit.fileName(handle), 'application/json', log.export)} icon={<Download size={16} strokeWidth={1.6} aria-hidden />}>{text.audit.save}</Button>
      </p>
    </>
  );
}

function Entries({ log }: { log: AuditLog }) {
  // A try that went on is told by the row that says so.
  const all = log.entries.filter((entry) => !entry.wentOn).toReversed();
  const [count, setCount] = useState(STEP);
  return (
    <>
      <ol className={`${layout.card} ${layout.rows} ${styles.list}`} aria-label={text.audit.title}>
        {all.slice(0, count).map((entry) => <Entry key={entry.number} entry={entry} />)}
        {log.cut && count >= all.length && <li className={`${layout.prop} ${type_.sm} ${type_.faint}`}>{text.audit.cut}</li>}
      </ol>
      {count < all.length && <div><Button look="quiet" size="small" onClick={() => setCount(count + STEP)}>{text.audit.older}</Button></div>}
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { alarming, says } = entry.kind === null ? { alarming: false, says: text.audit.unknown } : text.audit.kinds[entry.kind];
  const Icon = alarming ? ShieldAlert : History;
  const device = entry.current ? text.devices.thisBrowser : (entry.deviceName ?? (entry.deviceId === null ? null : text.devices.unnamed));
  return (
    <li className={layout.prop} data-alarming={alarming || undefined}>
      <Icon size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>
        {says}
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>
          <time dateTime={new Date(entry.at).toISOString()} title={fullTime(entry.at)}>{`${day(entry.at, Date.now())}, ${clock(entry.at)}`}</time>
          {device !== null && <> · <bdi>{device}</bdi></>}
        </span>
      </span>
    </li>
  );
}

function Refused({ refusal, log }: { refusal: AuditRefusal; log: AuditLog }) {
  const core = useCore();
  const restart = () => core.call('restartAudit', {}).catch((error: unknown) => say(failureText(error)));
  return (
    <>
      <div role="alert">
        <Note look="warn" icon={<ShieldAlert size={16} strokeWidth={1.6} aria-hidden />}>
          <b>{text.audit.refused[refusal]}</b>
          <p>{text.audit.refusedText}</p>
          <p>{text.audit.refusedBackup}</p>
          <Button look="quiet" size="small" onClick={() => void restart()}>{text.audit.restart}</Button>
        </Note>
      </div>
      {log.entries.length > 0 && <Entries log={log} />}
    </>
  );
}
