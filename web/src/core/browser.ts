/** What the browser says about itself and about the files of the app. */

export type Build = { version: string; build: string };

/** The build's id, as the relay serves it; null in development. */
export async function loadBuild(): Promise<Build | null> {
  try {
    const response = await fetch('/build.json', { cache: 'no-cache' });
    if (!response.ok) return null;
    const { version, build } = (await response.json()) as Partial<Build>;
    return typeof version === 'string' && typeof build === 'string' ? { version, build } : null;
  } catch {
    return null;
  }
}

export type StorageReport = { usedBytes: number; quotaBytes: number; persisted: boolean };

export async function storageReport(): Promise<StorageReport> {
  const [estimate, persisted] = await Promise.all([navigator.storage.estimate(), navigator.storage.persisted()]);
  return { usedBytes: estimate.usage ?? 0, quotaBytes: estimate.quota ?? 0, persisted };
}

/** Asks the browser not to clear this store by itself; it may say no. */
export async function keepStorage(): Promise<boolean> {
  try {
    return await navigator.storage.persist();
  } catch {
    return false;
  }
}

/** What a person would call this device, from what the browser tells everybody anyway. */
export function deviceName(userAgent = navigator.userAgent): string {
  const browser =
    /Edg\//.test(userAgent) ? 'Edge'
    : /Firefox\//.test(userAgent) ? 'Firefox'
    : /Chrom(e|ium)\//.test(userAgent) ? 'Chrome'
    : /Safari\//.test(userAgent) ? 'Safari'
    : 'Browser';
  const system =
    /iPhone|iPad/.test(userAgent) ? 'iOS'
    : /Android/.test(userAgent) ? 'Android'
    : /Windows/.test(userAgent) ? 'Windows'
    : /Mac OS X/.test(userAgent) ? 'macOS'
    : /Linux|X11/.test(userAgent) ? 'Linux'
    : null;
  return system ? `${browser} on ${system}` : browser;
}
