import { useEffect, useRef, useState } from 'react';
import type { Device, FactorPrompt } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { say } from '../../ui/toast';

export type Removal =
  | { state: 'asking' }
  | { state: 'busy' }
  | { state: 'failed'; error: unknown }
  /** The account asks for a second step first. */
  | { state: 'factor'; prompt: FactorPrompt }
  | { state: 'done' };

type Acts = { remove: (password: string) => void; done: () => void; failed: (error: unknown) => void };

/** One removal. Whoever has closed the dialog meanwhile is told all the same. */
export function useRemoval(devices: Device[]): { removal: Removal } & Acts {
  const core = useCore();
  const [removal, setRemoval] = useState<Removal>({ state: 'asking' });
  const watched = useRef(true);
  useEffect(() => {
    watched.current = true;
    return () => {
      watched.current = false;
    };
  }, []);

  const done = () => (watched.current ? setRemoval({ state: 'done' }) : say(text.devices.removed.text(devices.map(({ name }) => name ?? text.devices.unnamed))));
  const failed = (error: unknown) => (watched.current ? setRemoval({ state: 'failed', error }) : say(failureText(error)));

  const removing = async (password: string) => {
    setRemoval({ state: 'busy' });
    try {
      const answer = await core.call('removeDevices', { deviceIds: devices.map(({ deviceId }) => deviceId), password });
      if ('factor' in answer) setRemoval({ state: 'factor', prompt: answer.factor });
      else done();
    } catch (error) {
      failed(error);
    }
  };
  const remove = (password: string) => void removing(password);

  return { removal, remove, done, failed };
}
