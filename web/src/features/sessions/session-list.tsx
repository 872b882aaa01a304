import { MonitorSmartphone } from 'lucide-react';
import type { SessionView } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Chip } from '../../ui/parts';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { useSessions } from './use-sessions';

/** Where the account is signed in, as the relay knows it. */
export function SessionList() {
  const sessions = useSessions();
  return (
    <section className={layout.tight} aria-labelledby="sessions">
      <h2 id="sessions" className={type_.subtitle}>{text.sessions.title}</h2>
      <p className={type_.soft}>{text.sessions.lead}</p>
      {sessions.state === 'failed' && <p role="alert" className={type_.soft}>{failureText(sessions.error)}</p>}
      {sessions.state === 'shown' && (
        <ul className={`${layout.card} ${layout.rows}`} aria-labelledby="sessions">
          {sessions.list.map((session) => <SessionRow key={session.sessionId} session={session} />)}
        </ul>
      )}
    </section>
  );
}

function SessionRow({ session }: { session: SessionView }) {
  return (
    <li className={layout.prop}>
      <MonitorSmartphone size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>
        <bdi>{session.deviceName ?? text.devices.unnamed}</bdi>
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>
          {text.sessions.used(session.lastUsedAt)} · {session.address === null ? text.sessions.addressUnknown : text.sessions.from(session.address)}
        </span>
      </span>
      {session.current && <Chip look="ok">{text.devices.thisBrowser}</Chip>}
    </li>
  );
}
