import type { Device, SessionView } from './calls';

// What the scripted core says of devices and sessions.

export function ownDevices(now: number): Device[] {
  const day = 86_400_000;
  return [
    { deviceId: 'alice-1', name: 'Firefox on Linux', createdAt: now - 40 * day, lastSeenAt: now, current: true },
    { deviceId: 'alice-2', name: 'Chrome on Android', createdAt: now - 3 * day, lastSeenAt: now - day, current: false },
  ];
}

export function sessions(now: number): SessionView[] {
  return [
    { sessionId: 's1', deviceId: 'alice-1', deviceName: 'Firefox on Linux', current: true, createdAt: now - 40 * 86_400_000, lastUsedAt: now, address: null },
    { sessionId: 's2', deviceId: 'alice-2', deviceName: 'Chrome on Android', current: false, createdAt: now - 3 * 86_400_000, lastUsedAt: now - 86_400_000, address: '203.0.113.0/24' },
  ];
}
