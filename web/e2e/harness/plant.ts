import { gzipSync } from 'node:zlib';
import type { Trace } from './relay';

/** A text as it might lie somewhere, made by other means than those of the search that is to find it. */
export type Planted = { encoding: string; bytes: Buffer };

/** Every encoding that a search for canaries must see through. */
export function plantable(text: string): Planted[] {
  const bytes = Buffer.from(text);
  const around = (before: string, alphabet: 'base64' | 'base64url') => Buffer.from(Buffer.from(`${before}${text}after`).toString(alphabet));
  return Object.entries({
    raw: bytes,
    'UTF-16': Buffer.from([...Array(text.length).keys()].flatMap((at) => [text.charCodeAt(at) & 0xff, text.charCodeAt(at) >> 8])),
    'UTF-16, big end first': Buffer.from([...Array(text.length).keys()].flatMap((at) => [text.charCodeAt(at) >> 8, text.charCodeAt(at) & 0xff])),
    hex: Buffer.from(bytes.toString('hex')),
    'hex, upper case': Buffer.from(bytes.reduce((digits, byte) => digits + byte.toString(16).padStart(2, '0'), '').toUpperCase()),
    'decimal list': Buffer.from(JSON.stringify([...bytes])),
    'decimal list, spaced': Buffer.from(`[${[...bytes].join(', ')}]`),
    percent: Buffer.from([...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`.toUpperCase()).join('')),
    'percent, lower case': Buffer.from([...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')),
    'percent, where needed': Buffer.from(new URLSearchParams({ q: text }).toString().replaceAll('+', '%20')),
    'base64 at 0': around('', 'base64'),
    'base64 at 1': around('x', 'base64'),
    'base64 at 2': around('xy', 'base64'),
    'base64url at 0': around('', 'base64url'),
    'base64url at 1': around('x', 'base64url'),
    'base64url at 2': around('xy', 'base64url'),
    gzip: gzipSync(`before ${text} after`),
  }).map(([encoding, planted]) => ({ encoding, bytes: planted }));
}

/** The same trace, with all of these in the middle of it. */
export function plantedIn({ name, bytes }: Trace, planted: readonly Planted[]): Trace {
  const middle = bytes.length >> 1;
  const pieces = planted.flatMap((one) => [Buffer.from('\n'), one.bytes]);
  return { name, bytes: Buffer.concat([bytes.subarray(0, middle), ...pieces, Buffer.from('\n'), bytes.subarray(middle)]) };
}
