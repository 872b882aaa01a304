import { MonitorSmartphone } from 'lucide-react';
import { useState } from 'react';
import type { SessionView } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Chip } from '../../ui/parts';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { EndDialog } from './end-dialog';
import type { ProofForm } from './end-dialog';
import { useSessions } from './use-sessions';

type Props = { Proof: ProofForm };

/** Where the account is signed in, as the relay knows it; each of the others can be ended. */
export function SessionList({ Proof }: Props) {
  const [sessions, reload] = useSessions();
  const [ending, setEnding] = useState<SessionView | 'others' | null>(null);
  const close = (ended: boolean) => {
    setEnding(null);
    if (ended) reload();
  };
  return (
    <section className={layout.tight} aria-labelledby="sessions">
      <h2 id="sessions" className={type_.subtitle}>{text.sessions.title}</h2>
      <p className={type_.soft}>{text.sessions.lead}</p>
      {sessions.state === 'failed' && <p role="alert" className={type_.soft}>{failureText(sessions.error)}</p>}
      {sessions.state === 'shown' && (
        <ul className={`${layout.card} ${layout.rows}`} aria-labelledby="sessions">
          {sessions.list.map((session) => <SessionRow key={session.sessionId} session={session} onEnd={() => setEnding(session)} />)}
        </ul>
      )}
      {sessions.state === 'shown' && sessions.list.length > 1 && (
        <div><Button look="quiet" size="small" onClick={() => setEnding('others')}>{text.sessions.endOthers}</Button></div>
      )}
      {ending && <EndDialog session={ending} Proof={Proof} onClose={close} />}
    </section>
  );
}

function SessionRow({ session, onEnd }: { session: SessionView; onEnd: () => void }) {
  const name = session.deviceName ?? text.devices.unnamed;
  return (
    <li className={layout.prop}>
      <MonitorSmartphone size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>
        <bdi>{name}</bdi>
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>
          {text.sessions.used(session.lastUsedAt)} · {session.address === null ? text.sessions.addressUnknown : text.sessions.from(session.address)}
        </span>
      </span>
      {session.current
        ? <Chip look="ok">{text.devices.thisBrowser}</Chip>
        : <Button look="stop" size="small" aria-label={text.sessions.endOf(name)} onClick={onEnd}>{text.sessions.endOne}</Button>}
    </li>
  );
}
