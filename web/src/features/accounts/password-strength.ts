export type Strength = { share: number; look: 'bad' | 'warn' | 'ok'; enough: boolean };

const common = /^(?:pass(?:word)?|qwert[yz]|letmein|welcome|admin|iloveyou|sotto|[0-9]+)[0-9!.]*$/i;

/**
 * A rough guess of what a password is worth: characters in use × how many different ones. Told to
 * the person as a bar; the only hard rule is the shortest length.
 */
export function passwordStrength(password: string, minChars: number): Strength {
  const chars = [...password];
  const distinct = new Set(chars).size;
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter((one) => one.test(password)).length;
  const bits = common.test(password) ? 10 : Math.min(chars.length, distinct * 2) * (2.2 + classes * 0.6);
  const enough = chars.length >= minChars && !common.test(password);
  const share = Math.min(1, bits / 90);
  const look = !enough ? 'bad' : share < 0.62 ? 'warn' : 'ok';
  return { share: enough ? share : Math.min(share, 0.3), look, enough };
}
