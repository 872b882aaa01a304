import { useState } from 'react';
import type { DragEvent, ReactNode } from 'react';
import { text } from '../../text/en';
import styles from './composer.module.css';

type Props = { name: string; className?: string | undefined; onFiles: (files: File[]) => void; children: ReactNode };

/** The conversation as a place to drop files on. */
export function DropZone({ name, className, onFiles, children }: Props) {
  const [depth, setDepth] = useState(0);
  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');

  const onDrop = (event: DragEvent) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    setDepth(0);
    const files = [...event.dataTransfer.files];
    if (files.length > 0) onFiles(files);
  };

  return (
    <main
      className={className}
      onDragEnter={(event) => carriesFiles(event) && setDepth(depth + 1)}
      onDragLeave={(event) => carriesFiles(event) && setDepth(Math.max(0, depth - 1))}
      onDragOver={(event) => carriesFiles(event) && event.preventDefault()}
      onDrop={onDrop}
    >
      {children}
      {depth > 0 && <div className={styles.drop}>{text.composer.drop(name)}<span>{text.composer.dropHint}</span></div>}
    </main>
  );
}
