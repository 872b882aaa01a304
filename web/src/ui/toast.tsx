import { useEffect } from 'react';
import { create } from 'zustand';
import styles from './toast.module.css';

type Toast = { id: number; text: string };

const shownFor = 6000;
const useToasts = create<{ toast: Toast | null }>()(() => ({ toast: null }));
let nextId = 1;

/** Says something once, quietly; a second one replaces the first. */
export function say(text: string): void {
  useToasts.setState({ toast: { id: nextId++, text } });
}

/** What was said is not for whoever comes next. */
export function hush(): void {
  useToasts.setState({ toast: null });
}

/** Stands once in the app, so that screen readers know the region before it speaks. */
export function Toasts() {
  const toast = useToasts((state) => state.toast);

  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => useToasts.setState({ toast: null }), shownFor);
    return () => clearTimeout(timer);
  }, [toast]);

  return (
    <div className={styles.region} role="status" aria-live="polite">
      {toast && <p key={toast.id} className={styles.toast}>{toast.text}</p>}
    </div>
  );
}
