import { Copy, Download } from 'lucide-react';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { saveFile } from '../../ui/save-file';
import { say } from '../../ui/toast';
import styles from './factors.module.css';

type Props = { codes: string[]; handle: string; onDone: () => void };

/** Recovery codes, while they can be seen. */
export function CodeCard({ codes, handle, onDone }: Props) {
  const lines = codes.map(halves);

  const save = () => saveFile(text.factors.fileName(handle), 'text/plain', text.factors.file(handle, location.host, lines.join('\n')));

  const copy = async () => {
    await navigator.clipboard.writeText(lines.join('\n'));
    say(text.recoveryKey.copied);
  };

  return (
    <div className={styles.form}>
      <p className={styles.soft}>{text.factors.codesText}</p>
      <ol className={styles.codes} aria-label={text.factors.codes}>
        {lines.map((code) => <li key={code}>{code}</li>)}
      </ol>
      <div className={styles.actions}>
        <Button look="plain" size="small" onClick={save} icon={<Download size={16} strokeWidth={1.6} aria-hidden />}>{text.recoveryKey.save}</Button>
        <Button look="quiet" size="small" onClick={() => void copy()} icon={<Copy size={16} strokeWidth={1.6} aria-hidden />}>{text.recoveryKey.copy}</Button>
      </div>
      <Button look="go" wide onClick={onDone}>{text.factors.codesSaved}</Button>
    </div>
  );
}

function halves(code: string): string {
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}
