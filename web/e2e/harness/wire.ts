import type { Recording } from './proxy';
import type { Trace } from './relay';

/**
 * What was said over every recorded connection, as the relay read it: a browser masks the bytes of
 * its WebSocket frames (RFC 6455 §5.3), and a search in masked bytes would find nothing, ever.
 */
export function wireTraces(recordings: readonly Recording[]): Trace[] {
  return recordings.flatMap((recording, index) => {
    const toRelay = Buffer.concat(recording.toRelay);
    const toBrowser = Buffer.concat(recording.toBrowser);
    const spoken = isUpgrade(toRelay) ? unmask(toRelay) : toRelay;
    return [
      { name: `connection ${index}, to the relay`, bytes: spoken },
      { name: `connection ${index}, to the browser`, bytes: toBrowser },
    ];
  });
}

function isUpgrade(bytes: Buffer): boolean {
  return /\r\nupgrade: websocket\r\n/i.test(bytes.subarray(0, headerEnd(bytes)).toString('latin1'));
}

function headerEnd(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? bytes.length : end + 4;
}

/** The request's header and, after it, the payloads of all frames, unmasked and joined. */
export function unmask(bytes: Buffer): Buffer {
  const start = headerEnd(bytes);
  const pieces = [bytes.subarray(0, start)];
  let at = start;
  while (at + 2 <= bytes.length) {
    const frame = frameAt(bytes, at);
    if (frame === null) break;
    pieces.push(frame.payload);
    at = frame.end;
  }
  return Buffer.concat(pieces);
}

function frameAt(bytes: Buffer, at: number): { payload: Buffer; end: number } | null {
  const second = bytes.readUInt8(at + 1);
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = second & 0x80 ? 4 : 0;
  const body = at + 2 + lengthBytes + maskBytes;
  if (body > bytes.length) return null;
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  const end = Math.min(body + length, bytes.length);
  const payload = Buffer.from(bytes.subarray(body, end));
  if (maskBytes === 4) {
    const mask = bytes.subarray(body - 4, body);
    payload.forEach((byte, index) => payload.writeUInt8(byte ^ mask.readUInt8(index % 4), index));
  }
  return { payload, end };
}
