/** Every bound of the worker, named once with its unit. Bounds of the wire stand in `protocol/src/limits.rs`. */

/** An answer to a request that takes longer is lost. */
export const requestTimeoutMs = 30_000;
/** A socket that isn't open after this is closed. */
export const socketOpenTimeoutMs = 30_000;
/** A transfer of which no byte moves for so long has lost its connection. */
export const transferStallMs = 30_000;
/** Bytes of the largest answer to a request: a welcome and a group info, with room for their frame. */
export const answerMaxBytes = 12 * 1024 * 1024;
/** Frames that arrived and wait for the core; one more closes the socket, and the rest comes from storage. */
export const framesWaitingMax = 512;
/** Bytes of frames that wait for the core. */
export const frameBytesWaitingMax = 8 * 1024 * 1024;
/** Bytes handed to the socket and not yet sent; more closes it. */
export const socketBufferMaxBytes = 8 * 1024 * 1024;
/** Calls of the page that wait for the core. */
export const callsWaitingMax = 512;
/** A page that is being reloaded still holds the lock for a moment: so long the next one waits for it. */
export const lockHandoverMs = 500;
/** Deleting the database may be held up by a frozen tab; its records are gone by then. */
export const deleteDatabaseMs = 3_000;
/** The question whether the relay still knows this browser. */
export const sessionProbeMs = 3_000;
/** Wrong passphrases that cost no pause; then the pause between two tries, doubling from the first to the longest. */
export const unlockPauseMs = { freeTries: 3, first: 2_000, most: 300_000 } as const;
/** `setTimeout` takes no more (31 bits). */
export const timeoutMaxMs = 2 ** 31 - 1;

/** Plaintext sealed or opened by one call into the core: four chunks of the container. */
export const fileStepBytes = 256 * 1024;
/** Opened bytes are given to the browser's Blob store in pieces of at least this. */
export const blobPieceBytes = 4 * 1024 * 1024;
/** Uploads under way at once, and downloads likewise; the others wait. */
export const transfersAtOnce = 2;
/** Uploads that wait or are under way. */
export const uploadsMax = 256;
/** Failed uploads whose sealed bytes are kept for another try. */
export const failedUploadsKept = 8;
/** Between two `transferProgress` of one file. */
export const progressEveryMs = 100;
/** Waits between two tries of a transfer: doubling from the first to the second. */
export const transferBackoffMs = { first: 1_000, most: 30_000 } as const;
/** Tries of a download, and of an upload that the relay answers with an error of its own, without a byte gained. */
export const transferTriesMax = 6;
