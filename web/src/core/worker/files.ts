import { CoreError } from '../calls';
import type { CallArgs, CoreErrorCode, CoreEvent, GroupId, MessageId } from '../calls';
import type { Limits } from '../limits';
import type { getBlob, putBlob } from '../transport';
import { refusalIn } from './engine';
import type { CommandError, FileOpener, FileSealer } from './engine';
import { failedUploadsKept, fileStepBytes, progressEveryMs, transferBackoffMs } from './limits';
import { transferTriesMax, transfersAtOnce, uploadsMax } from './limits';
import type { Answer, CoreLoop } from './loop';
import { Pieces } from './pieces';
import { Slots } from './slots';

export type FilePorts = {
  loop: Pick<CoreLoop, 'call' | 'command' | 'input'>;
  limits: Pick<Limits, 'fileMaxBytes'>;
  put: typeof putBlob;
  get: typeof getBlob;
  refusal(status: number, body: Uint8Array): CommandError;
  event(event: CoreEvent): void;
  /** Something that is no answer to a person: a trap. */
  failed(error: unknown): void;
};

/** The container of one file, sealed once: every try sends the very same bytes. */
type Sealed = { path: string; capabilityHash: string; container: Blob };
type Upload = { messageId: MessageId; file: File; sealed: Sealed | null; control: AbortController };
type Download = { blob: Promise<Blob>; control: AbortController };

/** Files on their way up and down. Nothing of them is in memory whole but what the browser's Blobs hold. */
export class Transfers {
  readonly #ports: FilePorts;
  readonly #uploads = new Map<MessageId, Upload>();
  readonly #downloads = new Map<MessageId, Download>();
  readonly #failed = new Map<MessageId, Upload>();
  readonly #up = new Slots(transfersAtOnce);
  readonly #down = new Slots(transfersAtOnce);
  readonly #pauses = new Set<() => void>();

  constructor(ports: FilePorts) {
    this.#ports = ports;
  }

  /** Answers when the message stands in the outbox; the upload goes on. */
  async send({ groupId, file, caption, image }: CallArgs<'sendFile'>): Promise<{ messageId: MessageId }> {
    if (file.size > this.#ports.limits.fileMaxBytes) throw new CoreError('fileTooLarge');
    if (this.#uploads.size >= uploadsMax) throw new CoreError('misuse');
    await bytesOf(file.slice(0, 1));
    const draft = { name: file.name, mimeType: file.type, sizeBytes: file.size, caption, image };
    const sealer = await this.#ports.loop.call((engine, now) => engine.beginFile(groupId, draft, now));
    const { messageId } = sealer;
    const upload: Upload = { messageId, file, sealed: null, control: new AbortController() };
    void this.#run(upload, async () => seal(file, sealer, upload.control.signal));
    return { messageId };
  }

  /** Sends again what failed; false if its bytes are not here any more. */
  async retry(messageId: MessageId): Promise<boolean> {
    const upload = this.#failed.get(messageId);
    const { sealed } = upload ?? {};
    if (!upload || !sealed) return false;
    await this.#ports.loop.call((engine, now) => engine.resumeFile(messageId, now));
    this.#failed.delete(messageId);
    void this.#run({ ...upload, control: new AbortController() }, async () => sealed);
    return true;
  }

  /** Several openings of one file are one download; one that is on its way up is here. */
  async open({ groupId, messageId }: CallArgs<'openFile'>): Promise<{ blob: Blob }> {
    const upload = this.#uploads.get(messageId) ?? this.#failed.get(messageId);
    if (upload) return { blob: upload.file };
    const download = this.#downloads.get(messageId) ?? this.#startDownload(groupId, messageId);
    return { blob: await download.blob };
  }

  async cancel(messageId: MessageId): Promise<void> {
    this.#downloads.get(messageId)?.control.abort();
    const upload = this.#uploads.get(messageId);
    if (!upload) return;
    upload.control.abort();
    this.#uploads.delete(messageId);
    await this.#ports.loop.call((engine, now) => engine.cancelFile(messageId, now));
  }

  /** The network is back: tries that were waiting are made now. */
  wake(): void {
    for (const go of this.#pauses) go();
  }

  stop(): void {
    for (const { control } of [...this.#uploads.values(), ...this.#downloads.values()]) control.abort();
    this.#uploads.clear();
    this.#failed.clear();
    this.wake();
  }

  async #run(upload: Upload, sealing: () => Promise<Sealed>): Promise<void> {
    const { messageId, file, control } = upload;
    const fileBytes = file.size;
    const progress = this.#progress(messageId, 'up', fileBytes);
    this.#uploads.set(messageId, upload);
    const release = await this.#up.take();
    try {
      control.signal.throwIfAborted();
      upload.sealed = await sealing();
      await this.#put(upload.sealed, (part) => progress(Math.floor(part * fileBytes)), control.signal);
      await this.#ports.loop.input((engine, now) => engine.finishFile(messageId, now));
    } catch (error) {
      if (!control.signal.aborted) await this.#fail(upload, error);
    } finally {
      progress.over();
      release();
      if (this.#uploads.get(messageId) === upload) this.#uploads.delete(messageId);
    }
  }

  async #fail(upload: Upload, error: unknown): Promise<void> {
    const refusal = error instanceof CoreError ? error : refusalIn(error);
    if (!refusal) return this.#ports.failed(error);
    const { messageId } = upload;
    if (upload.sealed) this.#failed.set(messageId, upload);
    for (const oldest of [...this.#failed.keys()].slice(0, -failedUploadsKept)) this.#failed.delete(oldest);
    await this.#ports.loop.input((engine, now) => engine.failFile(messageId, refusal.code, now)).catch(() => {});
  }

  /** Until the relay has it on its disk, or says why not. */
  async #put(sealed: Sealed, progress: (part: number) => void, signal: AbortSignal): Promise<void> {
    const { path, capabilityHash, container } = sealed;
    const sent = (bytes: number) => progress(bytes / container.size);
    let sentBefore = false;
    for (let tries = 1; ; tries += 1) {
      const headers = { ...(await this.#authorization()), 'sotto-capability-hash': capabilityHash };
      const answer = await this.#ports.put(path, headers, container, sent, signal);
      signal.throwIfAborted();
      if (answer && answer.status < 300) return;
      // The id is random and ours: if it is taken after a try of which no answer came, that try had arrived.
      if (answer?.status === 409 && sentBefore) return;
      sentBefore ||= answer === null;
      const wait = answer ? this.#waitAfter(answer, tries) : 0;
      await this.#pause(Math.max(wait, backoff(tries)), signal);
    }
  }

  #startDownload(groupId: GroupId, messageId: MessageId): Download {
    const control = new AbortController();
    const download = { blob: this.#download(groupId, messageId, control.signal), control };
    this.#downloads.set(messageId, download);
    const forget = () => this.#downloads.delete(messageId);
    download.blob.then(forget, forget);
    return download;
  }

  async #download(groupId: GroupId, messageId: MessageId, signal: AbortSignal): Promise<Blob> {
    const release = await this.#down.take();
    try {
      if (signal.aborted) throw new CoreError('cancelled');
      let command = 0;
      const { sizeBytes } = await this.#ports.loop.command<{ sizeBytes: number }>(
        (engine, now) => (command = engine.openFile(groupId, messageId, now)),
      );
      const opener = await this.#ports.loop.call((engine) => engine.takeFile(command));
      const progress = this.#progress(messageId, 'down', sizeBytes);
      const fetching = this.#get(opener, (part) => progress(Math.floor(part * sizeBytes)), signal);
      return await fetching.finally(progress.over);
    } catch (error) {
      if (signal.aborted) throw new CoreError('cancelled');
      throw refusalIn(error) ?? error;
    } finally {
      release();
    }
  }

  async #get(opener: FileOpener, progress: (part: number) => void, signal: AbortSignal): Promise<Blob> {
    const { path, capability, sealedBytes } = opener;
    const pieces = new Pieces();
    let fetched = 0;
    const take = (bytes: Uint8Array) => {
      fetched += bytes.length;
      if (fetched > sealedBytes) throw new CoreError('fileDamaged');
      pieces.add(opener.open(bytes));
      progress(fetched / sealedBytes);
    };
    for (let tries = 1; ; tries += 1) {
      const before = fetched;
      const headers = { ...(await this.#authorization()), 'sotto-capability': capability };
      const answer = await this.#ports.get(path, headers, fetched, take, signal);
      signal.throwIfAborted();
      if (answer === 'complete') break;
      if (fetched > before) tries = 1;
      if (answer === null && tries >= transferTriesMax) throw new CoreError('offline');
      const wait = answer ? this.#waitAfter(answer, tries, 'fileGone') : 0;
      await this.#pause(Math.max(wait, backoff(tries)), signal);
    }
    opener.finish();
    opener.free();
    return pieces.blob();
  }

  /** How long to wait before the next try, milliseconds; throws where another try is of no use. */
  #waitAfter({ status, body }: Answer, tries: number, missing: CoreErrorCode = 'relayMisbehaved'): number {
    const { code, retryAfterMs } = this.#ports.refusal(status, body);
    // A token that has just ended: the core is fetching the next one.
    const passing = status === 401 || status === 408 || status === 429 || (status >= 500 && status !== 507);
    if (status === 404) throw new CoreError(missing);
    if (status === 416) throw new CoreError('fileDamaged');
    if (!passing || tries >= transferTriesMax) throw new CoreError(code, retryAfterMs);
    return retryAfterMs ?? 0;
  }

  async #authorization(): Promise<Record<string, string>> {
    const token = await this.#ports.loop.input((engine) => engine.accessToken());
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', go);
        this.#pauses.delete(go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      signal.addEventListener('abort', go);
      this.#pauses.add(go);
    });
    signal.throwIfAborted();
  }

  /** Tells the page now and then how far a file has come. All of it means: the transfer is over, well or not. */
  #progress(messageId: MessageId, direction: 'up' | 'down', totalBytes: number) {
    let toldAt = -Infinity;
    const tell = (doneBytes: number) =>
      this.#ports.event({ type: 'transferProgress', messageId, direction, doneBytes, totalBytes });
    const report = (doneBytes: number) => {
      const now = performance.now();
      if (now - toldAt < progressEveryMs) return;
      toldAt = now;
      tell(Math.max(0, Math.min(doneBytes, totalBytes - 1)));
    };
    report(0);
    return Object.assign(report, { over: () => tell(totalBytes) });
  }
}

/** Reads the file in steps, so that it is never in memory whole, and seals each. */
async function seal(file: File, sealer: FileSealer, signal: AbortSignal): Promise<Sealed> {
  const { path, capabilityHash } = sealer;
  const pieces = new Pieces();
  for (let at = 0; at < file.size; at += fileStepBytes) {
    const plaintext = await bytesOf(file.slice(at, at + fileStepBytes));
    signal.throwIfAborted();
    pieces.add(sealer.seal(plaintext));
  }
  pieces.add(sealer.finish());
  sealer.free();
  return { path, capabilityHash, container: pieces.blob() };
}

/** Fails where the picked file is gone, changed, or no file at all. */
async function bytesOf(slice: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await slice.arrayBuffer());
  } catch {
    throw new CoreError('fileUnreadable');
  }
}

function backoff(tries: number): number {
  return Math.min(transferBackoffMs.first * 2 ** (tries - 1), transferBackoffMs.most);
}
