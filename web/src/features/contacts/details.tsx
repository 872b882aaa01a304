import { ArrowLeft, Ban, Laptop, QrCode, ShieldCheck, Trash2, X } from 'lucide-react';
import { useState } from 'react';
import type { ContactDetails } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button, IconButton } from '../../ui/button';
import { Face } from '../../ui/face';
import { Chip } from '../../ui/parts';
import { useNarrow } from '../../ui/use-narrow';
import { BlockDialog } from './block-dialog';
import { RemoveDialog } from './remove-dialog';
import styles from './contacts.module.css';
import { Fingerprint } from './fingerprint';
import type { ContactQuery } from './use-contact';
import { WithdrawDialog } from './withdraw-dialog';

type Props = { query: ContactQuery; onClose: () => void; onCompare: () => void };

/** Who the other person is, and how to be sure of it. */
export function Details({ query, onClose, onCompare }: Props) {
  const Part = useNarrow() ? 'main' : 'aside';
  return (
    <Part data-details className={styles.details} aria-label={text.contact.details}>
      <div className={styles.head}>
        <IconButton className={styles.onlyPhone} label={text.back} onClick={onClose}><ArrowLeft size={20} strokeWidth={1.6} aria-hidden /></IconButton>
        <h1 className={`${styles.onlyPhone} ${styles.headTitle}`}>{text.contact.details}</h1>
        <IconButton className={styles.cross} label={text.close} onClick={onClose}><X size={20} strokeWidth={1.6} aria-hidden /></IconButton>
      </div>
      {query.state === 'shown' && <Person contact={query.contact} onCompare={onCompare} />}
      {query.state === 'failed' && <p role="alert">{failureText(query.error)}</p>}
    </Part>
  );
}

function Person({ contact, onCompare }: { contact: ContactDetails; onCompare: () => void }) {
  const [dialog, setDialog] = useState<'none' | 'withdraw' | 'block' | 'remove'>('none');
  const name = contact.displayName;
  const verified = contact.trust.state === 'verified';
  return (
    <>
      <div className={styles.who}>
        <Face name={name} colour={contact.colour} size="l" />
        <h2 className={styles.name}><bdi>{name}</bdi></h2>
        <span className={styles.handle}>@{contact.handle}</span>
        <TrustChip contact={contact} />
      </div>
      <section className={styles.section}>
        <h3 className={styles.label}>{text.contact.safetyNumber}</h3>
        <div className={styles.numberCard}><SafetyNumber groups={contact.safetyNumber} /></div>
        <p className={styles.explain}>{contact.trust.state === 'changed' ? text.contact.explainChanged(name) : verified ? text.contact.explainVerified(name) : text.contact.explain(name)}</p>
        <div className={styles.actions}>
          <Button look={verified ? 'plain' : 'go'} size={verified ? 'small' : 'normal'} grow onClick={onCompare} icon={<QrCode size={16} strokeWidth={1.6} aria-hidden />}>{verified ? text.contact.compareAgain : text.contact.compare}</Button>
          {verified && <Button look="quiet" size="small" grow onClick={() => setDialog('withdraw')}>{text.contact.withdraw}</Button>}
        </div>
      </section>
      <Fingerprint label={text.contact.fingerprint(name)} digits={contact.fingerprint} />
      <section className={styles.section}>
        <h3 className={styles.label}>{text.contact.devices}</h3>
        <div className={styles.devices}>
          <Laptop size={20} strokeWidth={1.6} aria-hidden />
          <span>{text.contact.deviceCount(contact.deviceCount)}<br /><span className={styles.faint}>{text.contact.deviceText(name)}</span></span>
        </div>
      </section>
      {!contact.blocked && <Button look="quiet" size="small" className={styles.whole} onClick={() => setDialog('block')} icon={<Ban size={16} strokeWidth={1.6} aria-hidden />}>{text.contact.block(name)}</Button>}
      <Button look="quiet" size="small" className={styles.whole} onClick={() => setDialog('remove')} icon={<Trash2 size={16} strokeWidth={1.6} aria-hidden />}>{text.contact.remove(name)}</Button>
      {dialog === 'withdraw' && <WithdrawDialog contact={contact} onClose={() => setDialog('none')} />}
      {dialog === 'remove' && <RemoveDialog contact={contact} onClose={() => setDialog('none')} />}
      {dialog === 'block' && <BlockDialog contact={contact} onClose={() => setDialog('none')} />}
    </>
  );
}

function TrustChip({ contact: { trust } }: { contact: ContactDetails }) {
  switch (trust.state) {
    case 'verified':
      return <Chip look="ok"><ShieldCheck size={16} strokeWidth={1.6} aria-hidden />{text.contact.verifiedOn(trust.verifiedAt)}</Chip>;
    case 'unverified':
      return <Chip>{text.contact.notCompared}</Chip>;
    case 'changed':
      return <Chip look="warn">{text.contact.changed}</Chip>;
  }
}

export function SafetyNumber({ groups }: { groups: string[] }) {
  return (
    <ol className={styles.number} aria-label={text.contact.safetyNumber}>
      {groups.map((group, index) => <li key={`${index}${group}`}>{group}</li>)}
    </ol>
  );
}
