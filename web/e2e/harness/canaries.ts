import { constants, inflateRawSync } from 'node:zlib';
import type { Trace } from './relay';

/** Something that must not be found, and the trace and encoding that it was found in. */
export type Finding = { canary: string; encoding: string; where: string };

/** Shorter things turn up by chance; a canary is made long enough to mean something. */
const CANARY_MIN_BYTES = 10;
/** A stream that unpacks to more than this is looked into no further. */
const UNPACKED_MAX_BYTES = 64 * 1024 * 1024;

/** Looks for every canary, raw and in every encoding, in every trace. */
export function findCanaries(canaries: readonly (string | Buffer)[], traces: readonly Trace[]): Finding[] {
  const index = indexed(canaries.flatMap((canary) => encodings(typeof canary === 'string' ? Buffer.from(canary) : canary)));
  return traces
    .flatMap((trace) => [trace, ...unpacked(trace)])
    .flatMap(({ name, bytes }) => [...found(index, bytes)].map(({ canary, encoding }) => ({ canary, encoding, where: name })));
}

type Pattern = { canary: string; encoding: string; pattern: Buffer };

/** Patterns by their first three bytes, so that one walk over a trace looks for thousands. */
type Index = { starts: Uint8Array; patterns: Map<number, Pattern[]> };

function indexed(all: readonly Pattern[]): Index {
  const starts = new Uint8Array(1 << 24);
  const patterns = new Map<number, Pattern[]>();
  for (const one of all) {
    const start = one.pattern.readUIntBE(0, 3);
    starts[start] = 1;
    patterns.set(start, [...(patterns.get(start) ?? []), one]);
  }
  return { starts, patterns };
}

function found({ starts, patterns }: Index, bytes: Buffer): Set<Pattern> {
  const hits = new Set<Pattern>();
  let lastThree = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    lastThree = ((lastThree << 8) | (bytes[at] ?? 0)) & 0xffffff;
    if (at < 2 || starts[lastThree] === 0) continue;
    for (const one of patterns.get(lastThree) ?? []) if (standsAt(one.pattern, bytes, at - 2)) hits.add(one);
  }
  return hits;
}

function standsAt(pattern: Buffer, bytes: Buffer, from: number): boolean {
  const to = from + pattern.length;
  return to <= bytes.length && bytes.compare(pattern, 0, pattern.length, from, to) === 0;
}

function encodings(bytes: Buffer): Pattern[] {
  if (bytes.length < CANARY_MIN_BYTES) throw new RangeError('a canary this short would be found by chance');
  const text = bytes.toString('utf8');
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const forms: [string, Buffer][] = [
    ['raw', bytes],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['UTF-16, big end first', Buffer.from(text, 'utf16le').swap16()],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['hex, upper case', Buffer.from(bytes.toString('hex').toUpperCase())],
    ['decimal list', Buffer.from([...bytes].join(','))],
    ['decimal list, spaced', Buffer.from([...bytes].join(', '))],
    ['percent', Buffer.from(percent.toUpperCase())],
    ['percent, lower case', Buffer.from(percent)],
    ['percent, where needed', Buffer.from(encodeURIComponent(text))],
    ...base64At(bytes, 'base64'),
    ...base64At(bytes, 'base64url'),
  ];
  return forms.map(([encoding, pattern]) => ({ canary: text, encoding, pattern }));
}

/** Base64 depends on where in a longer text the canary stands: three alignments, edges trimmed. */
function base64At(bytes: Buffer, alphabet: 'base64' | 'base64url'): [string, Buffer][] {
  return [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString(alphabet).replaceAll('=', '');
    const untouchedFrom = Math.ceil((offset * 8) / 6);
    const untouchedTo = Math.floor(((offset + bytes.length) * 8) / 6);
    return [`${alphabet} at ${offset}`, Buffer.from(whole.slice(untouchedFrom, untouchedTo))];
  });
}

/** Every gzip stream inside a trace, unpacked as far as it goes. */
function unpacked(trace: Trace): Trace[] {
  const streams: Trace[] = [];
  const magic = Buffer.from([0x1f, 0x8b, 0x08]);
  for (let at = trace.bytes.indexOf(magic); at >= 0; at = trace.bytes.indexOf(magic, at + 1)) {
    const bytes = unpack(trace.bytes.subarray(at));
    if (bytes !== null) streams.push({ name: `${trace.name}, gzip at ${at}`, bytes });
  }
  return streams;
}

function unpack(stream: Buffer): Buffer | null {
  try {
    // The stream alone: `gunzip` would refuse it for what lies behind its end.
    const body = stream.subarray(headerBytes(stream));
    return inflateRawSync(body, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: UNPACKED_MAX_BYTES });
  } catch {
    // Three bytes that only looked like the start of a stream.
    return null;
  }
}

/** RFC 1952 §2.3: ten bytes, then what the flags announce. */
function headerBytes(stream: Buffer): number {
  const flags = stream.readUInt8(3);
  let at = 10;
  if (flags & 4) at += 2 + stream.readUInt16LE(at);
  for (const text of [8, 16]) if (flags & text) at = stream.indexOf(0, at) + 1;
  return flags & 2 ? at + 2 : at;
}
