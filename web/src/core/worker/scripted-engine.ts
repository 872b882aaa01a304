import type { ChangeSet, Engine, EngineEvent, Load, Request, Transmit } from './engine';

/** What a scripted core gives out at its next drain. */
export type Outputs = {
  saves: ChangeSet[];
  loads: Load[];
  requests: Request[];
  transmits: Transmit[];
  events: EngineEvent[];
  timeout: number | undefined;
};

/** A core that does what a test says; a call that the test doesn't name fails it. */
export function scriptedEngine(calls: Partial<Engine>): { engine: Engine; outputs: Outputs } {
  const outputs: Outputs = { saves: [], loads: [], requests: [], transmits: [], events: [], timeout: undefined };
  const polls: Partial<Engine> = {
    pollSave: () => outputs.saves.shift(),
    pollLoad: () => outputs.loads.shift(),
    pollRequest: () => outputs.requests.shift(),
    pollTransmit: () => outputs.transmits.shift(),
    pollEvent: () => outputs.events.shift(),
    pollTimeout: () => outputs.timeout,
    free: () => {},
  };
  const scripted: Partial<Engine> = { ...polls, ...calls };
  const engine = new Proxy(scripted, {
    get: (target, name) => {
      const call = target[name as keyof Engine];
      if (!call) throw new Error(`the test scripts no ${String(name)}`);
      return call;
    },
  });
  return { engine: engine as Engine, outputs };
}
