import { generateKeyPairSync, sign } from 'node:crypto';
import type { Person } from './person';

/** Layout of a device list (`protocol/src/device_list.rs`): account 16, identity key 32, …, signature 64. */
const IDENTITY_AT = 16;
const IDENTITY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const LABEL = Buffer.from('sotto/v1/device-list');

/** Where the directory answers. */
export const DIRECTORY = /\/v1\/accounts\/(by-handle\/)?[\w-]+$/;

/**
 * A relay that lies to one person about another: its directory names the account with a key of its
 * own, in a list that is signed as it should be. Answers with how often it lied.
 */
export async function swapIdentity(deceived: Person): Promise<() => number> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const ownKey = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  let lies = 0;
  await deceived.context.route(DIRECTORY, async (route) => {
    const response = await route.fetch();
    const entry = (await response.json()) as { device_list: string };
    const body = Buffer.from(entry.device_list, 'base64url').subarray(0, -SIGNATURE_BYTES);
    ownKey.copy(body, IDENTITY_AT, 0, IDENTITY_BYTES);
    const signature = sign(null, Buffer.concat([Buffer.from([LABEL.length]), LABEL, body]), privateKey);
    lies += 1;
    await route.fulfill({ response, json: { ...entry, device_list: Buffer.concat([body, signature]).toString('base64url') } });
  });
  return () => lies;
}

/**
 * A relay that keeps the first device list of each account that this person asked for. It is honest
 * until the returned function is called; from then on its directory gives the kept ones.
 */
export async function keepFirstLists(deceived: Person): Promise<() => void> {
  const kept = new Map<string, string>();
  let honest = true;
  await deceived.context.route(DIRECTORY, async (route) => {
    const response = await route.fetch();
    if (!response.ok()) return route.fulfill({ response });
    const entry = (await response.json()) as { account_id: string; device_list: string };
    const first = kept.get(entry.account_id) ?? entry.device_list;
    kept.set(entry.account_id, first);
    return route.fulfill({ response, json: honest ? entry : { ...entry, device_list: first } });
  });
  return () => {
    honest = false;
  };
}

/** What the relay says to whoever opens an account (`OpenedAccount` of `protocol/src/sessions.rs`). */
export type Opened = {
  account_id: string;
  wraps: { kind: string; generation: number; bytes: string }[];
  device_list: string;
  vault: { record_id: string; version: number; ciphertext: string };
};

/** Changes the bytes of answers to one person; `null` tells the truth again. */
export class Liar {
  private change: ((body: Buffer) => Buffer) | null = null;
  lies = 0;

  static async about(deceived: Person, path: RegExp): Promise<Liar> {
    const liar = new Liar();
    await deceived.context.route(path, async (route) => {
      const response = await route.fetch();
      if (liar.change === null || !response.ok()) return route.fulfill({ response });
      liar.lies += 1;
      return route.fulfill({ response, body: liar.change(await response.body()) });
    });
    return liar;
  }

  tell(change: ((body: Buffer) => Buffer) | null): void {
    this.change = change;
  }
}

/** One bit in the middle is another. */
export function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const middle = bytes.length >> 1;
  changed.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  return changed;
}

/** The same, of bytes that stand in JSON. */
export function flippedText(bytes: string): string {
  return flipped(Buffer.from(bytes, 'base64url')).toString('base64url');
}
