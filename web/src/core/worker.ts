import { serve } from './serve';
import type { PagePort } from './serve';
import { Core, bootPrefixes, default as init, limits, lockStore, refusal, resealRecords, unlockStore } from './wasm/client_wasm.js';
import wasmUrl from './wasm/client_wasm_bg.wasm?url';
import type { EngineModule } from './worker/engine';
import { coreHandlers } from './worker/handlers';
import { Host } from './worker/host';

// The page may call before wasm is there: calls wait, and a failed start ends the worker's life
// where somebody hears of it.
const host = new Host(load(), (event) => emit(event));
const emit = serve(globalThis as unknown as PagePort, coreHandlers(host));

globalThis.addEventListener('online', reconnect);
globalThis.addEventListener('offline', reconnect);

async function load(): Promise<EngineModule> {
  await init({ module_or_path: wasmUrl });
  return { open: Core.open, bootPrefixes, limits, lockStore, unlockStore, resealRecords, refusal };
}

function reconnect(): void {
  host.reconnect().catch(() => {});
}
