import { useMemo } from 'react';
import type { ReactNode } from 'react';
import { parseMarkup } from '../../text/markup';
import type { Span } from '../../text/markup';
import styles from './bubble.module.css';

export function RichText({ text }: { text: string }) {
  const spans = useMemo(() => parseMarkup(text), [text]);
  return <span className={styles.text} dir="auto">{spans.map(render)}</span>;
}

function render(span: Span, index: number): ReactNode {
  switch (span.kind) {
    case 'text':
      return span.text;
    case 'bold':
      return <strong key={index}>{span.spans.map(render)}</strong>;
    case 'italic':
      return <em key={index}>{span.spans.map(render)}</em>;
    case 'code':
      return <code key={index}>{span.text}</code>;
    case 'block':
      return <pre key={index}>{span.text}</pre>;
    case 'link':
      // The title shows the address as the browser will read it: look-alike letters come out.
      return <a key={index} href={span.href} title={span.href} target="_blank" rel="noreferrer noopener">{span.text}</a>;
  }
}
