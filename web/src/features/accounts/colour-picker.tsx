import type { Colour } from '../../core/calls';
import { text } from '../../text/en';
import { Face } from '../../ui/face';
import styles from './accounts.module.css';

const colours: Colour[] = [0, 1, 2, 3, 4, 5];

type Props = { value: Colour; onChange: (colour: Colour) => void };

export function ColourPicker({ value, onChange }: Props) {
  return (
    <fieldset className={styles.colours}>
      <legend>{text.create.colour}</legend>
      {colours.map((colour) => (
        <label key={colour} className={styles.colour} title={text.create.colours[colour]}>
          <input type="radio" name="colour" checked={colour === value} onChange={() => onChange(colour)} aria-label={text.create.colours[colour]} />
          <Face name="" colour={colour} size="s" />
        </label>
      ))}
    </fieldset>
  );
}
