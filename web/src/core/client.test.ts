import { describe, expect, it } from 'vitest';
import type { CallMessage, WorkerMessage } from './calls';
import { CoreError } from './calls';
import { connectCore } from './client';
import type { WorkerPort } from './client';
import { serve } from './serve';
import type { PagePort } from './serve';
import { ScriptedCore } from './scripted';

/** The two halves joined without a thread between them. */
class Wire implements WorkerPort {
  onmessage: WorkerPort['onmessage'] = null;
  onerror: WorkerPort['onerror'] = null;
  onmessageerror: WorkerPort['onmessageerror'] = null;
  ended = false;
  readonly sent: CallMessage[] = [];
  readonly worker: PagePort = {
    onmessage: null,
    postMessage: (message) => this.toPage(message),
  };

  postMessage(message: CallMessage): void {
    this.sent.push(message);
    this.worker.onmessage?.(new MessageEvent('message', { data: structuredClone(message) }));
  }

  toPage(message: WorkerMessage): void {
    if (!this.ended) this.onmessage?.(new MessageEvent('message', { data: structuredClone(message) }));
  }

  terminate(): void {
    this.ended = true;
  }
}

function connected() {
  const wires: Wire[] = [];
  const core = connectCore(() => {
    const wire = new Wire();
    wires.push(wire);
    return wire;
  });
  return { core, wires, wire: wires[0] as Wire };
}

describe('calls between page and worker', () => {
  it('an answer reaches the call that asked', async () => {
    const { core, wire } = connected();
    serve(wire.worker, new ScriptedCore().handlers);

    const [free, taken] = await Promise.all([core.call('checkHandle', { handle: 'alice' }), core.call('checkHandle', { handle: 'bob' })]);

    expect([free.availability, taken.availability]).toEqual(['free', 'taken']);
  });

  it('a failure keeps its code and its waiting time', async () => {
    const { core, wire } = connected();
    const { handlers } = new ScriptedCore();
    serve(wire.worker, { ...handlers, logIn: async () => { throw new CoreError('rateLimited', 90_000); } });

    const failure = core.call('logIn', { handle: 'alice', password: 'x', deviceName: 'y' });

    await expect(failure).rejects.toMatchObject({ code: 'rateLimited', retryAfterMs: 90_000 });
  });

  it('a dying worker rejects every pending call and is told once', async () => {
    const { core, wire } = connected();
    const events: string[] = [];
    core.subscribe((event) => events.push(event.type));
    const pending = [core.call('listDevices', {}), core.call('boot', {})];

    wire.onerror?.(new ErrorEvent('error'));
    wire.onerror?.(new ErrorEvent('error'));

    for (const call of pending) await expect(call).rejects.toMatchObject({ code: 'coreDied' });
    expect(events).toEqual(['fatal']);
    expect(wire.ended).toBe(true);
  });

  it('nothing is sent to a dead worker, and a new one answers after a restart', async () => {
    const { core, wires, wire } = connected();
    wire.onerror?.(new ErrorEvent('error'));

    await expect(core.call('boot', {})).rejects.toMatchObject({ code: 'coreDied' });
    expect(wire.sent).toEqual([]);
    core.restart();
    serve((wires[1] as Wire).worker, new ScriptedCore().handlers);

    await expect(core.call('boot', {})).resolves.toMatchObject({ state: 'ready' });
  });

  it('an unexpected throw ends the worker instead of answering', async () => {
    const { core, wire } = connected();
    const { handlers } = new ScriptedCore();
    serve(wire.worker, { ...handlers, wake: async () => { throw new RangeError('a trap'); } });

    await expect(core.call('wake', {})).rejects.toMatchObject({ code: 'coreDied' });
    await expect(core.call('listDevices', {})).rejects.toMatchObject({ code: 'coreDied' });
  });

  it('late words of an ended worker are not heard', async () => {
    const { core, wires, wire } = connected();
    const events: string[] = [];
    core.subscribe((event) => events.push(event.type));

    core.restart();
    wire.ended = false;
    wire.toPage({ event: { type: 'takenOver' } });
    (wires[1] as Wire).toPage({ event: { type: 'devicesChanged' } });

    expect(events).toEqual(['devicesChanged']);
  });
});
