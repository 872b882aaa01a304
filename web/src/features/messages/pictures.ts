import type { Core } from '../../core/client';
import type { FileContent, Message, MessageId } from '../../core/calls';

/** The only types that are ever drawn; never SVG, HTML or PDF inline in our origin. */
const pictureTypes = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif'];
const shownAtOnceMaxBytes = 8_000_000;
const keptMax = 80;

const addresses = new Map<MessageId, string>();
const ownFiles = new Map<MessageId, File>();

export function isPicture(mimeType: string): boolean {
  return pictureTypes.includes(mimeType);
}

/** Small enough to be fetched without asking. */
export function loadsByItself(file: FileContent): boolean {
  return isPicture(file.mimeType) && file.sizeBytes <= shownAtOnceMaxBytes;
}

/** A file that was sent from this tab needn't come back from the relay. */
export function rememberFile(messageId: MessageId, file: File): void {
  ownFiles.set(messageId, file);
  if (ownFiles.size > keptMax) ownFiles.delete(ownFiles.keys().next().value ?? '');
}

export function localFile(messageId: MessageId): File | null {
  return ownFiles.get(messageId) ?? null;
}

/** An address for `<img>`, kept for the newest 80 pictures. */
export async function pictureAddress(core: Core, message: Pick<Message, 'messageId' | 'groupId'>, mimeType: string): Promise<string> {
  const known = addresses.get(message.messageId);
  if (known) return known;
  const blob = localFile(message.messageId) ?? (await core.call('openFile', { groupId: message.groupId, messageId: message.messageId })).blob;
  const address = URL.createObjectURL(new Blob([blob], { type: mimeType }));
  addresses.set(message.messageId, address);
  if (addresses.size > keptMax) forgetOldest();
  return address;
}

/** For when the screens of the account are left. */
export function forgetPictures(): void {
  for (const address of addresses.values()) URL.revokeObjectURL(address);
  addresses.clear();
  ownFiles.clear();
}

/** Null for anything that this browser can't draw. */
export async function pictureSize(file: File): Promise<{ width: number; height: number } | null> {
  if (!isPicture(file.type)) return null;
  try {
    const bitmap = await createImageBitmap(file);
    const found = { width: bitmap.width, height: bitmap.height };
    bitmap.close();
    return found;
  } catch {
    return null;
  }
}

function forgetOldest(): void {
  const [oldest] = addresses;
  if (!oldest) return;
  addresses.delete(oldest[0]);
  URL.revokeObjectURL(oldest[1]);
}
