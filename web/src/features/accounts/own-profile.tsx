import { Pencil } from 'lucide-react';
import { useState } from 'react';
import type { FormEvent } from 'react';
import type { OwnProfile as Profile } from '../../core/calls';
import { useCore, useCoreState } from '../../core/context';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Face } from '../../ui/face';
import { Field } from '../../ui/field';
import layout from '../../ui/layout.module.css';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';
import styles from './accounts.module.css';
import { ColourPicker } from './colour-picker';

/** How one shows oneself, and the form that changes it. */
export function OwnProfile({ profile }: { profile: Profile }) {
  const [editing, setEditing] = useState(false);
  if (editing) return <EditProfile profile={profile} onDone={() => setEditing(false)} />;
  return (
    <div className={styles.own}>
      <Face name={profile.displayName} colour={profile.colour} size="l" />
      <div className={styles.ownNames}>
        <p className={type_.title}><bdi>{profile.displayName}</bdi></p>
        <p className={type_.soft}>@{profile.handle}</p>
      </div>
      <Button look="quiet" size="small" onClick={() => setEditing(true)} icon={<Pencil size={16} strokeWidth={1.6} aria-hidden />}>{text.profile.edit}</Button>
    </div>
  );
}

function EditProfile({ profile, onDone }: { profile: Profile; onDone: () => void }) {
  const core = useCore();
  const limits = useCoreState((state) => state.limits);
  const [name, setName] = useState(profile.displayName);
  const [colour, setColour] = useState(profile.colour);
  const [error, setError] = useState<string | null>(null);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === '') return setError(text.create.nameMissing);
    try {
      await core.call('changeProfile', { displayName: name.trim(), colour });
      say(text.profile.saved);
      onDone();
    } catch (failed) {
      setError(failureText(failed));
    }
  };

  return (
    <form className={`${layout.card} ${layout.pad} ${styles.form}`} onSubmit={save} noValidate>
      <div className={styles.face}>
        <Face name={name || '·'} colour={colour} size="l" />
        <ColourPicker value={colour} onChange={setColour} />
      </div>
      <Field label={text.create.name} value={name} onValue={setName} autoComplete="name" maxLength={limits?.displayNameMaxBytes} hint={text.profile.editHint} error={error ?? undefined} />
      <div className={styles.ownActions}>
        <Button look="go" type="submit">{text.profile.save}</Button>
        <Button look="quiet" onClick={onDone}>{text.cancel}</Button>
      </div>
    </form>
  );
}
