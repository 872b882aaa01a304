/** Times, sizes and counts, as the English catalogue says them. */

const locale = 'en-GB';
const clockFormat = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const weekdayFormat = new Intl.DateTimeFormat(locale, { weekday: 'short' });
const longWeekdayFormat = new Intl.DateTimeFormat(locale, { weekday: 'long' });
const dateFormat = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long' });
const shortDateFormat = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const yearFormat = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
const fullFormat = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
const pluralRules = new Intl.PluralRules(locale);
const numberFormat = new Intl.NumberFormat(locale);

const dayMs = 86_400_000;

export function count(n: number, one: string, other: string): string {
  return `${numberFormat.format(n)} ${pluralRules.select(n) === 'one' ? one : other}`;
}

export function clock(at: number): string {
  return clockFormat.format(at);
}

export function fullTime(at: number): string {
  return fullFormat.format(at);
}

/** Midnights between two times, in this place's calendar. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / dayMs);
}

export function day(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return longWeekdayFormat.format(at);
  return date(at, now);
}

export function date(at: number, now: number): string {
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? dateFormat.format(at) : yearFormat.format(at);
}

/** As short as a list allows. */
export function listTime(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (days <= 0) return clock(at);
  if (days < 7) return weekdayFormat.format(at);
  return shortDateFormat.format(at);
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function wait(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 60) return count(minutes, 'minute', 'minutes');
  return count(Math.ceil(minutes / 60), 'hour', 'hours');
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** `1631 7e63 ef95 77c0` */
export function groups4(digits: string): string {
  return digits.match(/.{1,4}/g)?.join(' ') ?? digits;
}
