import '@fontsource-variable/inter/wght.css';
import '@fontsource/instrument-serif/latin-400.css';
import './ui/base.css';
import './ui/tokens.css';
import { createRoot } from 'react-dom/client';
import { connectCore, spawnWorker } from './core/client';
import { CoreProvider } from './core/context';
import workerUrl from './core/worker?worker&url';
import { App } from './screens/app';
import { Insecure } from './screens/plain-pages';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

// Without a secure context there is no crypto, no worker and nothing to promise.
createRoot(root).render(
  window.isSecureContext ? (
    <CoreProvider core={connectCore(() => spawnWorker(workerUrl))}>
      <App />
    </CoreProvider>
  ) : (
    <Insecure />
  ),
);
