import { useState } from 'react';
import type { FormEvent } from 'react';
import { text } from '../../text/en';
import { Button } from '../../ui/button';
import { Field } from '../../ui/field';
import styles from './accounts.module.css';

type Props = { groups: string[]; later: 'offered' | 'used'; onDone: () => void; onLater: () => void };

/** Two groups typed back: proof that they stand somewhere else too. */
export function RetypeForm({ groups, later, onDone, onLater }: Props) {
  const [asked] = useState(() => twoOf(groups.length));
  const [typed, setTyped] = useState(['', '']);
  const [checked, setChecked] = useState(false);
  const right = asked.map((index, place) => sameGroup(typed[place] ?? '', groups[index] ?? ''));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (right.every(Boolean)) onDone();
  };

  return (
    <form className={styles.retype} onSubmit={submit} noValidate>
      <p className={styles.question}>{text.recoveryKey.retype}</p>
      <div className={styles.pair}>
        {asked.map((index, place) => (
          <Field
            key={index}
            label={text.recoveryKey.group(index + 1)}
            value={typed[place] ?? ''}
            onValue={(value) => {
              setChecked(false);
              setTyped(typed.map((old, at) => (at === place ? value.toUpperCase() : old)));
            }}
            error={checked && !right[place] ? text.recoveryKey.wrong : undefined}
            placeholder="····"
            maxLength={4}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            digits
          />
        ))}
      </div>
      <div className={styles.actions}>
        <Button look="go" grow type="submit" disabled={typed.some((value) => value.length < 4)}>{text.recoveryKey.done}</Button>
        {later === 'offered' && <Button look="quiet" onClick={onLater}>{text.recoveryKey.later}</Button>}
      </div>
    </form>
  );
}

/** Crockford base32 forgives: O is 0, I and L are 1. */
function sameGroup(typed: string, group: string): boolean {
  return plain(typed) === plain(group);
}

function plain(typed: string): string {
  return typed.toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1');
}

/** Which two are asked for is no secret: it only keeps people from copying a habit. */
function twoOf(length: number): [number, number] {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2));
  const first = a % length;
  const second = (first + 1 + (b % (length - 1))) % length;
  return first < second ? [first, second] : [second, first];
}
