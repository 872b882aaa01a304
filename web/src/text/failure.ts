import { CoreError } from '../core/calls';
import type { CoreErrorCode } from '../core/calls';
import { text } from './en';

/** One sentence for a failed call. */
export function failureText(error: unknown): string {
  return error instanceof CoreError ? codeText(error.code, error.retryAfterMs) : text.error.coreDied;
}

export function codeText(code: CoreErrorCode, retryAfterMs: number | null = null): string {
  return code === 'rateLimited' ? text.error.rateLimited(retryAfterMs) : text.error[code];
}
