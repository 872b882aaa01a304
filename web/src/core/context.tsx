import { createContext, useContext, useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { useStore } from 'zustand';
import type { BootState } from './calls';
import type { Core } from './client';
import type { PersonSettings } from './records';
import { adopt, settings } from './settings';
import type { Settings } from './settings';
import { booted, createCoreState, reduce, withConversations } from './state';
import type { CoreState, CoreStateStore } from './state';

export type Mounted = { core: Core; state: CoreStateStore };

const CoreContext = createContext<Mounted | null>(null);

type Props = { core: Core; children: ReactNode };

/** Connects the state to the core's events and boots it. */
export function CoreProvider({ core, children }: Props) {
  const [state] = useState(createCoreState);
  const mounted = useMemo(() => ({ core, state }), [core, state]);

  useEffect(() => {
    const unsubscribe = core.subscribe((event) => {
      state.setState((before) => reduce(before, event), true);
      if (event.type === 'settingsChanged') adopt(event.settings);
    });
    void boot(mounted, 'boot');
    return unsubscribe;
  }, [core, state, mounted]);

  return <CoreContext value={mounted}>{children}</CoreContext>;
}

/** Boots, or takes the store over from another tab; failures show as a dead core. */
export async function boot({ core, state }: Mounted, call: 'boot' | 'takeOver'): Promise<void> {
  try {
    await begin({ core, state }, await core.call(call, {}));
  } catch {
    state.setState({ phase: { phase: 'died', code: 'coreDied' } });
  }
}

/** Shows what a boot answered, and loads what a page begins with. */
export async function begin({ core, state }: Mounted, answer: BootState): Promise<void> {
  state.setState((before) => booted(before, answer), true);
  if (answer.state !== 'ready') return;
  adopt(await core.call('settings', {}));
  await loadConversations({ core, state });
}

export async function loadConversations({ core, state }: Mounted): Promise<void> {
  const list = await core.call('listConversations', {});
  state.setState((before) => withConversations(before, list), true);
}

export function useMounted(): Mounted {
  const mounted = useContext(CoreContext);
  if (!mounted) throw new Error('outside of CoreProvider');
  return mounted;
}

export function useCore(): Core {
  return useMounted().core;
}

export function useCoreState<T>(select: (state: CoreState) => T): T {
  return useStore(useMounted().state, select);
}

export function useSettings(): Settings {
  return useStore(settings);
}

/** Chooses for this browser at once, and for the person's other ones once the core has it. */
export function useChoose(): (choices: Partial<PersonSettings>) => void {
  const { core, state } = useMounted();
  return (choices) => {
    adopt(choices);
    if (state.getState().phase.phase === 'ready') core.call('changeSettings', choices).catch(() => undefined);
  };
}
