import { Download, Eye } from 'lucide-react';
import { useState } from 'react';
import type { KnownTable, RelayKnowledge as Knowledge } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import { saveFile } from '../../ui/save-file';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';

/** Everything that the relay's tables hold about the account, asked for by a button. */
export function RelayKnowledge() {
  const core = useCore();
  const [known, setKnown] = useState<Knowledge | null>(null);
  const [busy, setBusy] = useState(false);

  const ask = async () => {
    setBusy(true);
    try {
      setKnown(await core.call('relayKnowledge', {}));
    } catch (error) {
      say(failureText(error));
    }
    setBusy(false);
  };

  return (
    <section className={layout.tight} aria-labelledby="knowledge">
      <h2 id="knowledge" className={type_.subtitle}>{text.knowledge.title}</h2>
      <p className={type_.soft}>{text.knowledge.lead}</p>
      {known === null ? (
        <div><Button look="quiet" busy={busy} onClick={() => void ask()} icon={<Eye size={16} strokeWidth={1.6} aria-hidden />}>{text.knowledge.show}</Button></div>
      ) : (
        <Shown known={known} />
      )}
    </section>
  );
}

function Shown({ known }: { known: Knowledge }) {
  const handle = useCoreState((state) => state.profile?.handle ?? '');
  return (
    <>
      <ul className={`${layout.card} ${layout.rows}`} aria-labelledby="knowledge">
        {known.tables.map((table) => <Table key={table.table} table={table} />)}
      </ul>
      <p className={`${type_.sm} ${type_.faint}`}>{text.knowledge.rest}</p>
      <div>
        <Button look="quiet" size="small" onClick={() => saveFile(text.knowledge.fileName(handle), 'application/json', known.export)} icon={<Download size={16} strokeWidth={1.6} aria-hidden />}>{text.knowledge.save}</Button>
      </div>
    </>
  );
}

function Table({ table }: { table: KnownTable }) {
  return (
    <li className={layout.prop}>
      <span className={layout.grow}>
        {text.knowledge.tables[table.table] ?? table.table}
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>{text.knowledge.columns(table.columns)}</span>
      </span>
      <span className={type_.soft}>{text.knowledge.rows(table.rowCount)}</span>
    </li>
  );
}
