import { CSPProvider } from '@base-ui/react/csp-provider';
import { useEffect, useRef, useState } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { boot, useCoreState, useMounted } from '../core/context';
import { useLock, useLockWithOthers } from '../features/lock/use-lock';
import { forgetPictures } from '../features/messages/pictures';
import { takeLinkFromAddress } from '../features/contacts/contact-link';
import { useBadge } from '../features/notifications/use-badge';
import { useNotifier } from '../features/notifications/use-notifier';
import { useAppearance } from '../features/settings/appearance';
import { text } from '../text/en';
import { hush, say, Toasts } from '../ui/toast';
import { Chats } from './chats';
import { CreateAccount } from './create-account';
import { Locked } from './locked';
import { LogIn } from './log-in';
import { Booting, CoreDied, Farewell, OtherTab, StoreCleared } from './plain-pages';
import { Recover } from './recover';
import { RenderFailure } from './render-failure';
import { RecoveryKey } from './recovery-key';
import { isSettingsPage, Settings } from './settings';
import { Welcome } from './welcome';

/** Which screen is on: first what the core says, then what the address says. */
export function App() {
  useState(takeLinkFromAddress);
  useAppearance();
  useWake();
  useRestart();
  useLockWithOthers();
  return (
    <CSPProvider disableStyleElements>
      <RenderFailure>
        <Screen />
      </RenderFailure>
      <Toasts />
    </CSPProvider>
  );
}

function Screen() {
  const phase = useCoreState((state) => state.phase);
  switch (phase.phase) {
    case 'booting':
      return <Booting />;
    case 'fresh':
      return phase.because === 'deleted' ? <Farewell /> : <SignedOut />;
    case 'ready':
      return <SignedIn />;
    case 'locked':
      return <Locked />;
    case 'storeCleared':
      return <StoreCleared />;
    case 'otherTab':
      return <OtherTab stays={phase.stays} />;
    case 'died':
      return <CoreDied code={phase.code} />;
  }
}

function SignedOut() {
  return (
    <Switch>
      <Route path="/create"><CreateAccount /></Route>
      <Route path="/log-in"><LogIn /></Route>
      <Route path="/recover"><Recover /></Route>
      <Route path="/"><Welcome /></Route>
      <Route><Redirect to="/" replace /></Route>
    </Switch>
  );
}

function SignedIn() {
  useNotifier();
  useBadge();
  useLock();
  useLeaveNothing();
  return (
    <Switch>
      <Route path="/recovery-key"><RecoveryKey /></Route>
      <Route path="/settings/:page?">{({ page }) => <Settings page={isSettingsPage(page) ? page : null} />}</Route>
      <Route path="/c/:groupId/details">{({ groupId }) => <Chats groupId={groupId} details />}</Route>
      <Route path="/c/:groupId">{({ groupId }) => <Chats groupId={groupId} details={false} />}</Route>
      <Route path="/"><Chats groupId={null} details={false} /></Route>
      <Route><Redirect to="/" replace /></Route>
    </Switch>
  );
}

/** What screens have put aside in the page goes with them. */
function useLeaveNothing(): void {
  useEffect(
    () => () => {
      forgetPictures();
      hush();
    },
    [],
  );
}

/** A tab that is looked at again reconnects at once. */
function useWake(): void {
  const { core } = useMounted();

  useEffect(() => {
    const wake = () => {
      if (document.visibilityState === 'visible') core.call('wake', {}).catch(() => undefined);
    };
    document.addEventListener('visibilitychange', wake);
    document.addEventListener('resume', wake);
    return () => {
      document.removeEventListener('visibilitychange', wake);
      document.removeEventListener('resume', wake);
    };
  }, [core]);
}

const restartEveryMs = 30_000;

/** A worker that died is replaced by itself, once in a while; twice in a row a person is asked. */
function useRestart(): void {
  const mounted = useMounted();
  const died = useCoreState((state) => state.phase.phase === 'died');
  const last = useRef(-Infinity);

  useEffect(() => {
    if (!died || performance.now() - last.current < restartEveryMs) return;
    last.current = performance.now();
    mounted.core.restart();
    void boot(mounted, 'boot').then(() => {
      if (mounted.state.getState().phase.phase === 'ready') say(text.died.restarted);
    });
  }, [mounted, died]);
}
