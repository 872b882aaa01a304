import '@fontsource-variable/inter/wght.css';
import '@fontsource/instrument-serif/latin-400.css';
import '../../src/ui/base.css';
import '../../src/ui/tokens.css';
import { createRoot } from 'react-dom/client';
import type { BootState, CoreEvent } from '../../src/core/calls';
import { connectCore, spawnWorker } from '../../src/core/client';
import type { Core } from '../../src/core/client';
import { CoreProvider } from '../../src/core/context';
import { ScriptedCore } from '../../src/core/scripted';
import { App } from '../../src/screens/app';
import { Insecure } from '../../src/screens/plain-pages';
import { crowded, demo, now } from './demo';
import { sunset } from './sunset';
import workerUrl from './worker?worker&url';

declare global {
  interface Window {
    script: ScriptedCore;
    workerCore: Core | undefined;
    emit: (event: CoreEvent) => void;
  }
}

/** The app over a scripted core; what is scripted stands in the address of the test. */
const query = new URLSearchParams(location.search);
const script = demo({
  boot: (query.get('boot') ?? 'ready') as BootState['state'],
  recoveryKeyConfirmed: !query.has('unsaved'),
  ...(query.has('guarded') ? { code: '123456', factors: { totpSince: now - 40 * 86_400_000, email: null, recoveryCodesLeft: 9 } } : {}),
  ...(query.has('mailed') ? { code: '12345678', factors: { totpSince: null, email: 'alice@example.org', recoveryCodesLeft: 9 } } : {}),
  ...(query.has('locked') || query.get('boot') === 'locked' ? { passphrase: 'nine brass lanterns' } : {}),
  ...(query.has('empty') ? { conversations: [] } : {}),
  ...(query.has('crowded') ? { conversations: crowded() } : {}),
});
window.script = script;
window.emit = (event) => script.emit(event);
script.holdFile('bob-10', await sunset());

const core: Core = query.has('worker') ? connectCore(() => spawnWorker(workerUrl)) : script;
window.workerCore = query.has('worker') ? core : undefined;

const root = document.getElementById('root');
if (!root) throw new Error('no #root');
createRoot(root).render(query.has('insecure') ? <Insecure /> : <CoreProvider core={core}><App /></CoreProvider>);
