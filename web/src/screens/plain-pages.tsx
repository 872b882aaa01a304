import { useState } from 'react';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { CoreErrorCode } from '../core/calls';
import { boot, useCoreState, useMounted } from '../core/context';
import { text } from '../text/en';
import { Button } from '../ui/button';
import layout from '../ui/layout.module.css';
import { Page } from '../ui/page';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';

function Plain({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <BeforeSignIn>
      <div className={layout.tight}>
        <h1 className={type_.display}>{title}</h1>
        <p className={type_.lead}>{lead}</p>
      </div>
      {children}
    </BeforeSignIn>
  );
}

/** Only one tab writes. */
export function OtherTab({ stays }: { stays: boolean }) {
  const mounted = useMounted();
  const [busy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    await boot(mounted, 'takeOver');
    setBusy(false);
  };
  return (
    <Plain title={text.otherTab.title} lead={stays ? text.otherTab.leadStays : text.otherTab.lead}>
      <Button look="go" wide busy={busy} onClick={() => void take()}>{stays ? text.otherTab.actionStays : text.otherTab.action}</Button>
    </Plain>
  );
}

/** The relay knows this browser, the browser knows nothing. */
export function StoreCleared() {
  const { state } = useMounted();
  const [, navigate] = useLocation();
  const leave = (to: string) => {
    navigate(to);
    state.setState({ phase: { phase: 'fresh', because: 'new' } });
  };
  return (
    <Plain title={text.storeCleared.title} lead={text.storeCleared.lead}>
      <div className={layout.tight}>
        <Button look="go" wide onClick={() => leave('/log-in')}>{text.storeCleared.action}</Button>
        <Button look="plain" wide onClick={() => leave('/recover')}>{text.storeCleared.recovery}</Button>
      </div>
    </Plain>
  );
}

/** The account was deleted, from here or from another device. */
export function Farewell() {
  const { state } = useMounted();
  const [, navigate] = useLocation();
  const leave = () => {
    navigate('/');
    state.setState({ phase: { phase: 'fresh', because: 'new' } });
  };
  return (
    <Plain title={text.deletion.farewell} lead={text.deletion.farewellLead}>
      <Button look="plain" wide onClick={leave}>{text.deletion.farewellAction}</Button>
    </Plain>
  );
}

/** The worker ended twice in a short time: a person decides about the third try. */
export function CoreDied({ code }: { code: CoreErrorCode }) {
  const mounted = useMounted();
  const again = () => {
    mounted.core.restart();
    mounted.state.setState({ phase: { phase: 'booting' } });
    void boot(mounted, 'boot');
  };
  return (
    <Plain title={text.died.title} lead={text.died.lead}>
      <Button look="go" wide onClick={again}>{text.died.action}</Button>
      <p className={`${type_.xs} ${type_.faint}`}>{text.died.code}: {code}</p>
    </Plain>
  );
}

/** Plain http on another host: no worker is started, nothing is sent. */
export function Insecure() {
  const secure = new URL(location.href);
  secure.protocol = 'https:';
  return (
    <Page aside={location.host} footer={<span>{__VERSION__}</span>}>
      <div className={layout.tight}>
        <h1 className={type_.display}>{text.insecure.title}</h1>
        <p className={type_.lead}>{text.insecure.lead(location.host)}</p>
      </div>
      <ul className={`${layout.stack} ${type_.soft}`}>
        <li>{text.insecure.https}</li>
        <li>{text.insecure.operator}</li>
      </ul>
      <Button look="go" wide onClick={() => location.assign(secure.href)}>{text.insecure.action}</Button>
    </Page>
  );
}

export function Booting() {
  const phase = useCoreState((state) => state.phase.phase);
  return (
    <Page footer={<span />}>
      <p className={type_.hidden} role="status">{phase === 'booting' ? text.booting : ''}</p>
    </Page>
  );
}
