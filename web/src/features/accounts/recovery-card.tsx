import { Copy, Download, Printer } from 'lucide-react';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { saveFile } from '../../ui/save-file';
import { say } from '../../ui/toast';
import styles from './accounts.module.css';

type Props = { groups: string[]; handle: string };

/** The recovery key: the one secret that is ever drawn. */
export function RecoveryCard({ groups, handle }: Props) {
  const key = groups.join(' ');

  const save = () => saveFile(text.recoveryKey.fileName(handle), 'text/plain', text.recoveryKey.file(handle, location.host, key));

  const copy = async () => {
    await navigator.clipboard.writeText(key);
    say(text.recoveryKey.copied);
  };

  return (
    <div className={styles.card}>
      <ol className={styles.groups} aria-label={text.recoveryKey.label}>
        {groups.map((group, index) => <li key={`${index}${group}`}>{group}</li>)}
      </ol>
      <div className={styles.cardActions}>
        <Button look="quiet" size="small" onClick={save} icon={<Download size={16} strokeWidth={1.6} aria-hidden />}>{text.recoveryKey.save}</Button>
        <Button look="quiet" size="small" onClick={() => void copy()} icon={<Copy size={16} strokeWidth={1.6} aria-hidden />}>{text.recoveryKey.copy}</Button>
        <Button look="quiet" size="small" onClick={() => window.print()} icon={<Printer size={16} strokeWidth={1.6} aria-hidden />}>{text.recoveryKey.print}</Button>
      </div>
    </div>
  );
}
