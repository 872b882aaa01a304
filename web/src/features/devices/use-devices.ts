import { useEffect, useState } from 'react';
import type { Device } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';

export type Devices = { state: 'loading' } | { state: 'shown'; list: Device[] } | { state: 'failed'; error: unknown };

/** The own devices, asked for again whenever they change. */
export function useDevices(): Devices {
  const core = useCore();
  const revision = useCoreState((state) => state.devicesRevision);
  const [devices, setDevices] = useState<Devices>({ state: 'loading' });

  useEffect(() => {
    let current = true;
    core.call('listDevices', {}).then(
      (list) => current && setDevices({ state: 'shown', list }),
      (error: unknown) => current && setDevices({ state: 'failed', error }),
    );
    return () => {
      current = false;
    };
  }, [core, revision]);

  return devices;
}
