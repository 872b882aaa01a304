import { serve } from '../../src/core/serve';
import type { PagePort } from '../../src/core/serve';
import { demo } from './demo';

/** The scripted core behind a real worker: proves policy, RPC and death under the real CSP. */
const script = demo({});
const emit = serve(self as unknown as PagePort, {
  ...script.handlers,
  wake: async () => {
    throw new TypeError('a trap');
  },
});
script.subscribe(emit);
