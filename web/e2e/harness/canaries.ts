import { gunzipSync, constants } from 'node:zlib';
import type { Trace } from './relay';

/** Something that must not be found, and the trace and encoding that it was found in. */
export type Finding = { canary: string; encoding: string; where: string };

/** Shorter things turn up by chance; a canary is made long enough to mean something. */
const CANARY_MIN_BYTES = 10;
/** A stream that unpacks to more than this is looked into no further. */
const UNPACKED_MAX_BYTES = 64 * 1024 * 1024;

/** Looks for every canary, raw and in every encoding, in every trace. */
export function findCanaries(canaries: readonly (string | Buffer)[], traces: readonly Trace[]): Finding[] {
  const patterns = canaries.flatMap((canary) => encodings(typeof canary === 'string' ? Buffer.from(canary) : canary));
  return traces
    .flatMap((trace) => [trace, ...unpacked(trace)])
    .flatMap(({ name, bytes }) =>
      patterns
        .filter(({ pattern }) => bytes.includes(pattern))
        .map(({ canary, encoding }) => ({ canary, encoding, where: name })),
    );
}

type Pattern = { canary: string; encoding: string; pattern: Buffer };

function encodings(bytes: Buffer): Pattern[] {
  if (bytes.length < CANARY_MIN_BYTES) throw new RangeError('a canary this short would be found by chance');
  const text = bytes.toString('utf8');
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');
  const forms: [string, Buffer][] = [
    ['raw', bytes],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['hex, upper case', Buffer.from(bytes.toString('hex').toUpperCase())],
    ['decimal list', Buffer.from([...bytes].join(','))],
    ['decimal list, spaced', Buffer.from([...bytes].join(', '))],
    ['percent', Buffer.from(percent)],
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
  const found: Trace[] = [];
  const magic = Buffer.from([0x1f, 0x8b, 0x08]);
  for (let at = trace.bytes.indexOf(magic); at >= 0; at = trace.bytes.indexOf(magic, at + 1)) {
    const bytes = unpack(trace.bytes.subarray(at));
    if (bytes !== null) found.push({ name: `${trace.name}, gzip at ${at}`, bytes });
  }
  return found;
}

function unpack(stream: Buffer): Buffer | null {
  try {
    return gunzipSync(stream, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: UNPACKED_MAX_BYTES });
  } catch {
    // Three bytes that only looked like the start of a stream.
    return null;
  }
}
