import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { ComponentType } from 'react';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { DeleteDialog } from './delete-dialog';

/** Asks for the fresh proof, and goes on after it. */
export type ProofForm = ComponentType<{ onProved: () => void }>;

/** The way out of the relay: below everything that it knows. */
export function DeleteAccount({ Proof }: { Proof: ProofForm }) {
  const [open, setOpen] = useState(false);
  return (
    <section className={layout.tight} aria-labelledby="deletion">
      <h2 id="deletion" className={type_.subtitle}>{text.deletion.title}</h2>
      <p className={type_.soft}>{text.deletion.lead}</p>
      <div><Button look="stop" size="small" onClick={() => setOpen(true)} icon={<Trash2 size={16} strokeWidth={1.6} aria-hidden />}>{text.deletion.open}</Button></div>
      {open && <DeleteDialog Proof={Proof} onClose={() => setOpen(false)} />}
    </section>
  );
}
