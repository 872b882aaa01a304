import { describe, expect, it } from 'vitest';
import { extension, shownName } from './file-names';
import { parseMarkup, safeHref } from './markup';
import type { Span } from './markup';

const links = (text: string) => parseMarkup(text).filter((span): span is Extract<Span, { kind: 'link' }> => span.kind === 'link');
const plain = (spans: Span[]): string => spans.map((span) => ('spans' in span ? plain(span.spans) : span.text)).join('');

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
      expect(plain(parseMarkup(text))).toBe(text);
    }
  });

  it('stays fast on text made to be slow', () => {
    const started = performance.now();
    for (const piece of ['*a ', '_', '`', '```', 'a', 'a.', 'a@', 'https://', '*_']) parseMarkup(piece.repeat(64_000 / piece.length));

    expect(performance.now() - started).toBeLessThan(4000);
  });
});

describe('names of files', () => {
  it('can’t be turned around by control characters', () => {
    expect(shownName('photo\u202Egpj.exe')).toBe('photogpj.exe');
    expect(shownName('../../etc/passwd')).toBe('....etcpasswd');
    expect(shownName('\u200F')).toBe('file');
  });

  it('show a short extension or none', () => {
    expect([extension('a.PDF'), extension('a.tar.gz'), extension('a'), extension('a.verylong')]).toEqual(['PDF', 'GZ', null, null]);
  });
});
