import { useSyncExternalStore } from 'react';

const narrow = () => matchMedia('(max-width: 719px)');

/** True where one column is all that fits: there the layer on top is the page's main part. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => narrow().matches);
}

function subscribe(changed: () => void): () => void {
  const query = narrow();
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}
