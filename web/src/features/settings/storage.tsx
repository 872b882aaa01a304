import { Database, HardDrive } from 'lucide-react';
import { useEffect, useState } from 'react';
import { keepStorage, storageReport } from '../../core/browser';
import type { StorageReport } from '../../core/browser';
import { useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';

export function StorageSettings() {
  const keeping = useCoreState((state) => state.keeping);
  const [report, setReport] = useState<StorageReport | null>(null);

  useEffect(() => {
    void storageReport().then(setReport, () => undefined);
  }, []);

  const keep = async () => {
    if (await keepStorage()) setReport(await storageReport());
    else say(text.storage.refused);
  };

  return (
    <div className={layout.stack}>
      <div className={`${layout.card} ${layout.rows}`}>
        {report && (
          <div className={layout.prop}>
            <Database size={20} strokeWidth={1.6} aria-hidden />
            <span className={layout.grow}>{text.storage.used}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.storage.usedOf(report.usedBytes, report.quotaBytes)}</span></span>
          </div>
        )}
        {report && (
          <div className={layout.prop}>
            <HardDrive size={20} strokeWidth={1.6} aria-hidden />
            <span className={layout.grow}>{report.persisted ? text.storage.kept : text.storage.notKept}<br /><span className={`${type_.sm} ${type_.faint}`}>{report.persisted ? text.storage.keptText : text.storage.notKeptText}</span></span>
            {!report.persisted && <Button look="quiet" size="small" onClick={() => void keep()}>{text.storage.keep}</Button>}
          </div>
        )}
      </div>
      <p className={`${type_.sm} ${type_.faint}`}>{text.storage.local[keeping]}</p>
    </div>
  );
}
