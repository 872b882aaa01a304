import { blobPieceBytes } from './limits';

/** Gathers bytes into a Blob, piece by piece, so that the browser may put them on its disk. */
export class Pieces {
  readonly #done: Blob[] = [];
  #open: Uint8Array<ArrayBuffer>[] = [];
  #openBytes = 0;

  add(bytes: Uint8Array): void {
    this.#open.push(bytes as Uint8Array<ArrayBuffer>);
    this.#openBytes += bytes.length;
    if (this.#openBytes >= blobPieceBytes) this.#close();
  }

  blob(): Blob {
    this.#close();
    return new Blob(this.#done);
  }

  #close(): void {
    this.#done.push(new Blob(this.#open));
    this.#open = [];
    this.#openBytes = 0;
  }
}
