import { KeySquare, Mail, ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { FactorDialog } from './factor-dialog';
import type { FactorTask } from './factor-dialog';
import { useFactors } from './use-factors';

/** What is asked for beside the password when somebody signs in anew. */
export function FactorSettings() {
  const [own, reload] = useFactors();
  const [task, setTask] = useState<FactorTask | null>(null);
  if (own.state === 'failed') return <p role="alert" className={type_.soft}>{failureText(own.error)}</p>;
  if (own.state === 'loading') return null;
  const { totpSince, email, recoveryCodesLeft } = own.factors;

  const close = () => {
    setTask(null);
    reload();
  };

  return (
    <section className={layout.tight}>
      <h2 className={type_.subtitle}>{text.factors.title}</h2>
      <p className={type_.soft}>{text.factors.lead}</p>
      <div className={`${layout.card} ${layout.rows}`}>
        <div className={layout.prop}>
          <ShieldCheck size={20} strokeWidth={1.6} aria-hidden />
          <span className={layout.grow}>{text.factors.app}<br /><span className={`${type_.sm} ${type_.faint}`}>{totpSince === null ? text.factors.off : text.factors.since(totpSince)}</span></span>
          {totpSince === null
            ? <Button look="go" size="small" aria-label={`${text.factors.setUp}: ${text.factors.app}`} onClick={() => setTask('setUp')}>{text.factors.setUp}</Button>
            : <Button look="stop" size="small" aria-label={`${text.factors.turnOff}: ${text.factors.app}`} onClick={() => setTask('turnOff')}>{text.factors.turnOff}</Button>}
        </div>
        <div className={layout.prop}>
          <Mail size={20} strokeWidth={1.6} aria-hidden />
          <span className={layout.grow}>{text.factors.email}<br /><span className={`${type_.sm} ${type_.faint}`}>{email === null ? text.factors.off : <bdi>{text.factors.sentTo(email)}</bdi>}</span></span>
          {email === null
            ? <Button look="quiet" size="small" aria-label={`${text.factors.setUp}: ${text.factors.email}`} onClick={() => setTask('setUpEmail')}>{text.factors.setUp}</Button>
            : <Button look="stop" size="small" aria-label={`${text.factors.turnOff}: ${text.factors.email}`} onClick={() => setTask('turnOffEmail')}>{text.factors.turnOff}</Button>}
        </div>
        {(totpSince !== null || email !== null) && (
          <div className={layout.prop}>
            <KeySquare size={20} strokeWidth={1.6} aria-hidden />
            <span className={layout.grow}>{text.factors.codes}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.factors.codesLeft(recoveryCodesLeft)}</span></span>
            <Button look="quiet" size="small" onClick={() => setTask('renew')}>{text.factors.renew}</Button>
          </div>
        )}
      </div>
      <p className={`${type_.sm} ${type_.faint}`}>{text.factors.limits}</p>
      {task && <FactorDialog task={task} onClose={close} />}
    </section>
  );
}
