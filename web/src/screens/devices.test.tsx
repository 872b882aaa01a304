import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import { CoreProvider } from '../core/context';
import { ScriptedCore } from '../core/scripted';
import type { Script } from '../core/scripted';
import { settings } from '../core/settings';
import { App } from './app';

function open(path: string, script: Partial<Script> = {}) {
  history.replaceState(null, '', path);
  const core = new ScriptedCore(script);
  render(<CoreProvider core={core}><App /></CoreProvider>);
  return { core, user: userEvent.setup() };
}

beforeEach(() => settings.setState(settings.getInitialState(), true));

describe('devices', () => {
  it('a device is removed with the password, after its loss was told, and the result is told', async () => {
    const { core, user } = open('/settings/devices');
    await user.click(await screen.findByRole('button', { name: 'Remove Chrome on Android' }));
    const dialog = within(screen.getByRole('dialog'));
    dialog.getByText(/Messages that are only on it/);
    expect(dialog.getByRole('button', { name: 'Remove it' }).matches(':disabled')).toBe(true);

    await user.type(dialog.getByLabelText('Your password'), 'correct horse battery');
    await user.click(dialog.getByRole('button', { name: 'Remove it' }));

    await screen.findByText(/“Chrome on Android” is out/);
    expect(core.calls.removeDevices).toEqual([{ deviceIds: ['alice-2'], password: 'correct horse battery' }]);
    await user.click(screen.getByRole('button', { name: 'Done' }));
    await waitFor(() => expect(screen.queryByText('Chrome on Android')).toBeNull());
    expect(screen.queryByRole('button', { name: 'Remove all others' })).toBeNull();
  });

  it('"Wasn’t me" removes the newcomer and says what else has to be done', async () => {
    const { core, user } = open('/settings/devices');
    await user.click(await screen.findByRole('button', { name: 'Wasn’t me' }));

    screen.getByText(/somebody has your password or your recovery key/);
    await user.type(screen.getByLabelText('Your password'), 'correct horse battery');
    await user.click(screen.getByRole('button', { name: 'Remove it' }));

    await screen.findByText(/choose a new password/);
    expect(core.script.devices).toHaveLength(1);
  });

  it('an account with a second step asks for its code before it removes anything', async () => {
    const { core, user } = open('/settings/devices', { code: '123456' });
    await user.click(await screen.findByRole('button', { name: 'Remove Chrome on Android' }));
    await user.type(screen.getByLabelText('Your password'), 'correct horse battery');
    await user.click(screen.getByRole('button', { name: 'Remove it' }));

    await user.type(await screen.findByLabelText('Code from your app'), '123456');
    expect(core.script.devices).toHaveLength(2);
    await user.click(screen.getByRole('button', { name: 'Go on' }));

    await screen.findByText(/“Chrome on Android” is out/);
    expect(core.script.devices).toHaveLength(1);
  });

  it('a wrong password is told beside its field, and all others stay', async () => {
    const { core, user } = open('/settings/devices', { failures: { removeDevices: 'wrongPassword' } });
    await user.click(await screen.findByRole('button', { name: 'Remove all others' }));

    await user.type(screen.getByLabelText('Your password'), 'wrong');
    await user.click(screen.getByRole('button', { name: 'Remove it' }));

    await waitFor(() => expect(screen.getByLabelText('Your password').getAttribute('aria-invalid')).toBe('true'));
    expect(core.script.devices).toHaveLength(2);
  });
});
