import { useEffect } from 'react';
import { useCoreState, useMounted, useSettings } from '../../core/context';
import { lockAllTabs, lockWithOthers } from '../../core/lock';

const touches = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** Locks this browser: by the shortcut, and by itself when nobody has touched the page for as long as was chosen. */
export function useLock(): void {
  const mounted = useMounted();
  const locks = useCoreState((state) => state.keeping === 'passphrase');
  const { lockAfterMinutes } = useSettings();

  useEffect(() => {
    if (!locks) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.code !== 'KeyL' || !event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void lockAllTabs(mounted);
    };
    window.addEventListener('keydown', onKeyDown, true);
    return () => window.removeEventListener('keydown', onKeyDown, true);
  }, [mounted, locks]);

  useEffect(() => {
    if (!locks || lockAfterMinutes === 0) return;
    return afterQuiet(lockAfterMinutes * 60_000, () => void lockAllTabs(mounted));
  }, [mounted, locks, lockAfterMinutes]);
}

/** A tab locks when any other one does. */
export function useLockWithOthers(): void {
  const mounted = useMounted();
  useEffect(() => lockWithOthers(mounted), [mounted]);
}

/**
 * Runs `work` when nothing has been touched for so long by the clock on the wall: timers stand still while a
 * computer sleeps, and the first touch afterwards must not count as being there all the time.
 */
function afterQuiet(quietMs: number, work: () => void): () => void {
  let touchedAt = Date.now();
  let timer: ReturnType<typeof setTimeout>;
  const check = () => {
    const left = touchedAt + quietMs - Date.now();
    clearTimeout(timer);
    if (left <= 0) return work();
    timer = setTimeout(check, left);
  };
  const touched = () => {
    if (Date.now() - touchedAt >= quietMs) return check();
    touchedAt = Date.now();
  };
  check();
  for (const touch of touches) window.addEventListener(touch, touched, { capture: true, passive: true });
  document.addEventListener('visibilitychange', check);
  document.addEventListener('resume', check);
  return () => {
    clearTimeout(timer);
    for (const touch of touches) window.removeEventListener(touch, touched, { capture: true });
    document.removeEventListener('visibilitychange', check);
    document.removeEventListener('resume', check);
  };
}
