/**
 * The small markup of messages: *bold* or **bold**, _italic_, `code`, ```blocks```, links to http,
 * https and mailto. Text becomes a tree of plain data, never HTML; what doesn't parse stays as it was typed.
 */
export type Span =
  | { kind: 'text'; text: string }
  | { kind: 'bold' | 'italic'; spans: Span[] }
  | { kind: 'code' | 'block'; text: string }
  | { kind: 'link'; text: string; href: string };

const depthMax = 3;

// Every repetition is bounded, so that no text makes the scan quadratic.
const token = new RegExp(
  [
    '```\\n?(?<block>[^`]{1,16000})```\\n?',
    '`(?<code>[^`\\n]{1,2000})`',
    '(?<!\\w:)(?<url>https?:\\/\\/[^\\s<>"`]{1,2000})',
    '(?<mail>(?:mailto:)?[\\w.+-]{1,64}@[\\w-]{1,63}(?:\\.[\\w-]{1,63}){1,8})',
    '(?<![\\w*])\\*\\*(?=\\S)(?<strong>[^*\\n]{1,4000})(?<=\\S)\\*\\*(?![\\w*])',
    '(?<![\\w*])\\*(?=\\S)(?<bold>[^*\\n]{1,4000})(?<=\\S)\\*(?![\\w*])',
    '(?<![\\w_])_(?=\\S)(?<italic>[^_\\n]{1,4000})(?<=\\S)_(?![\\w_])',
  ].join('|'),
  'g',
);

export function parseMarkup(text: string, depth = 0): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(token)) {
    const { span, length } = readToken(match, depth);
    if (match.index > from) spans.push({ kind: 'text', text: text.slice(from, match.index) });
    spans.push(span);
    from = match.index + length;
  }
  // A shortened link leaves its tail to the text after it; the tail is punctuation only.
  if (from < text.length) spans.push({ kind: 'text', text: text.slice(from) });
  return spans;
}

/** The words without the signs, for a place that draws only a line of text. */
export function plainText(text: string): string {
  return words(parseMarkup(text));
}

function words(spans: Span[]): string {
  return spans.map((span) => ('spans' in span ? words(span.spans) : span.text)).join('');
}

function readToken(match: RegExpExecArray, depth: number): { span: Span; length: number } {
  const whole = match[0];
  const { block, code, url, mail, strong, bold = strong, italic } = match.groups ?? {};
  const length = whole.length;
  if (block !== undefined) return { span: { kind: 'block', text: block.replace(/\n$/, '') }, length };
  if (code !== undefined) return { span: { kind: 'code', text: code }, length };
  if (url !== undefined) return link(trimUrl(url));
  if (mail !== undefined) return link(mail, mail.startsWith('mailto:') ? mail : `mailto:${mail}`);
  if (depth >= depthMax) return { span: { kind: 'text', text: whole }, length };
  if (bold !== undefined) return { span: { kind: 'bold', spans: parseMarkup(bold, depth + 1) }, length };
  return { span: { kind: 'italic', spans: parseMarkup(italic ?? '', depth + 1) }, length };
}

function link(text: string, href = text): { span: Span; length: number } {
  const safe = safeHref(href);
  return { span: safe === null ? { kind: 'text', text } : { kind: 'link', text, href: safe }, length: text.length };
}

/** Only what can't run anything: http, https, mailto. */
export function safeHref(href: string): string | null {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
}

/** Punctuation at the end of a sentence is not part of its link; a closing bracket only if it was opened inside. */
function trimUrl(url: string): string {
  let end = url.length;
  while (end > 0) {
    const last = url[end - 1] ?? '';
    const unopened = last === ')' && occurrences(url.slice(0, end), ')') > occurrences(url.slice(0, end), '(');
    if (!/[.,;:!?'*_]/.test(last) && !unopened) break;
    end -= 1;
  }
  return url.slice(0, end);
}

function occurrences(text: string, character: string): number {
  return text.split(character).length - 1;
}
