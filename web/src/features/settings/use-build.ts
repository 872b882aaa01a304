import { useEffect, useState } from 'react';
import { loadBuild } from '../../core/browser';
import type { Build } from '../../core/browser';

let asked: Promise<Build | null> | null = null;

/** Version and build id of the running app; asked for once per page. */
export function useBuild(): { version: string; build: string | null } {
  const [build, setBuild] = useState<Build | null>(null);

  useEffect(() => {
    asked ??= loadBuild();
    void asked.then(setBuild);
  }, []);

  return { version: __VERSION__, build: build?.build ?? null };
}
