import styles from './face.module.css';

type Props = { name: string; colour: 0 | 1 | 2 | 3 | 4 | 5; size?: 's' | 'm' | 'l' };

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Initials on a colour. Decoration: the name stands beside it, or the caller names it. */
export function Face({ name, colour, size = 'm' }: Props) {
  return (
    <span className={[styles.face, styles[size], styles[`c${colour}`]].join(' ')} aria-hidden>
      {initials(name)}
    </span>
  );
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return picked.map((word) => firstGrapheme(word ?? '').toLocaleUpperCase()).join('');
}

function firstGrapheme(word: string): string {
  for (const { segment } of segmenter.segment(word)) return segment;
  return '';
}
