import { Bar } from '../../ui/parts';
import { PasswordField } from '../../ui/field';
import { text } from '../../text/en';
import { passwordStrength } from './password-strength';

type Props = { label: string; value: string; minChars: number; onValue: (value: string) => void; error?: string | undefined };

/** A password that is being chosen: says how good it is. */
export function NewPassword({ label, value, minChars, onValue, error }: Props) {
  const { share, look, enough } = passwordStrength(value, minChars);
  const words = !enough ? text.create.passwordShort(minChars) : look === 'warn' ? text.create.passwordFair : text.create.passwordStrong;
  return (
    <PasswordField
      label={label}
      value={value}
      onValue={onValue}
      autoComplete="new-password"
      showLabel={text.showPassword}
      hideLabel={text.hidePassword}
      error={error}
      hint={words}
      below={value !== '' && <Bar share={share} look={look} label={text.create.passwordBar} />}
    />
  );
}
