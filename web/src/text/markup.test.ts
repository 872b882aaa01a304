import { describe, expect, it } from 'vitest';
import { parseMarkup, plainText, safeHref } from './markup';
import type { Span } from './markup';

const links = (text: string) => parseMarkup(text).filter((span): span is Extract<Span, { kind: 'link' }> => span.kind === 'link');

describe('markup of messages', () => {
  it('reads bold, italic and code, and leaves the rest as typed', () => {
    expect(parseMarkup('a *b* _c_ `d` 2*3*4 snake_case_name')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'bold', spans: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'italic', spans: [{ kind: 'text', text: 'c' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'd' },
      { kind: 'text', text: ' 2*3*4 snake_case_name' },
    ]);
  });

  it('takes two stars for bold as well, and leaves those that hold nothing together', () => {
    expect(parseMarkup('**a b**')).toEqual([{ kind: 'bold', spans: [{ kind: 'text', text: 'a b' }] }]);
    for (const text of ['2**3**4', '** a **', '**a*', '***']) expect(parseMarkup(text).map(({ kind }) => kind)).toEqual(['text']);
  });

  it('gives the words without the signs', () => {
    expect(plainText('He reads `relay.db`, _not *us*_: **never**')).toBe('He reads relay.db, not us: never');
  });

  it('links only what can run nothing', () => {
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'blob:https://a/b', 'file:///etc/passwd', ' javascript:x']) {
      expect(safeHref(bad)).toBeNull();
      expect(links(`look ${bad} here`)).toEqual([]);
    }
    expect(links('https://example.org mailto:a@example.org b@example.org').map(({ href }) => href)).toEqual(['https://example.org/', 'mailto:a@example.org', 'mailto:b@example.org']);
  });

  it('leaves the sentence its punctuation', () => {
    expect(links('(see https://example.org/a_(b)). Or https://example.org/c, ok').map(({ text }) => text)).toEqual(['https://example.org/a_(b)', 'https://example.org/c']);
  });

  it('shows look-alike hosts as the browser reads them', () => {
    expect(links('https://аpple.com')[0]?.href).toContain('xn--');
  });

  it('loses no character of plain text', () => {
    for (const text of ['<img src=x onerror=alert(1)>', '**', '__', '``', '```', '*a', 'a@b', 'https://', '&lt;']) {
      expect(plainText(text)).toBe(text);
    }
  });

  it('stays fast on text made to be slow', () => {
    const started = performance.now();
    for (const piece of ['*a ', '_', '`', '```', 'a', 'a.', 'a@', 'https://', '*_', '**a ', '**']) parseMarkup(piece.repeat(64_000 / piece.length));

    expect(performance.now() - started).toBeLessThan(4000);
  });
});
