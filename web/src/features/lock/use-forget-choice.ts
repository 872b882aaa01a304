import { useEffect, useState } from 'react';
import { useMounted } from '../../core/context';

/** Whether this browser is to forget, and how it is told so before somebody signs in. */
export function useForgetChoice(): { on: boolean; choose: (on: boolean) => void; apply: () => Promise<void> } {
  const { core, state } = useMounted();
  const [on, choose] = useState(false);

  // Who turns round and makes an account instead has not chosen this for it.
  useEffect(
    () => () => {
      const { phase, keeping } = state.getState();
      if (phase.phase !== 'fresh' || keeping !== 'memory') return;
      state.setState({ keeping: 'browser' });
      core.call('chooseKeeping', { keeping: 'browser' }).catch(() => undefined);
    },
    [core, state],
  );

  const apply = async () => {
    const keeping = on ? 'memory' : 'browser';
    await core.call('chooseKeeping', { keeping });
    state.setState({ keeping });
  };

  return { on, choose, apply };
}
