import { Laptop, ShieldCheck, Smartphone, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import type { Device } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Button } from '../../ui/button';
import { Chip, Note } from '../../ui/parts';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { RemoveDialog } from './remove-dialog';
import type { SecondStepForm } from './remove-dialog';
import { useDevices } from './use-devices';

/** For so long a device that came in is pointed out. */
const FRESH_MS = 7 * 86_400_000;

type Leaving = { devices: Device[]; stranger: boolean };

type Props = { SecondStep: SecondStepForm };

/** The account's own devices, as its signed list says. */
export function DeviceList({ SecondStep }: Props) {
  const devices = useDevices();
  const [leaving, setLeaving] = useState<Leaving | null>(null);
  if (devices.state === 'failed') return <p role="alert" className={type_.soft}>{failureText(devices.error)}</p>;
  if (devices.state === 'loading') return null;
  const others = devices.list.filter(({ current }) => !current);
  const fresh = freshAmong(devices.list);
  return (
    <div className={layout.stack}>
      {fresh.map((device) => (
        <Note
          key={device.deviceId}
          look="warn"
          icon={<TriangleAlert size={20} strokeWidth={1.6} aria-hidden />}
          action={<Button look="stop" size="small" onClick={() => setLeaving({ devices: [device], stranger: true })}>{text.devices.notMe}</Button>}
        >
          <span><strong>{text.devices.fresh(nameOf(device), device.createdAt)}</strong><br />{text.devices.freshText}</span>
        </Note>
      ))}
      <ul className={`${layout.card} ${layout.rows}`}>
        {devices.list.map((device) => <DeviceRow key={device.deviceId} device={device} onRemove={() => setLeaving({ devices: [device], stranger: false })} />)}
      </ul>
      <div className={layout.apart}>
        {others.length > 0 && <Button look="stop" size="small" onClick={() => setLeaving({ devices: others, stranger: false })}>{text.devices.removeOthers}</Button>}
        <p className={`${layout.row} ${type_.sm} ${type_.faint}`}>
          <ShieldCheck size={16} strokeWidth={1.6} aria-hidden />
          {text.devices.signed}
        </p>
      </div>
      {leaving && <RemoveDialog {...leaving} SecondStep={SecondStep} onClose={() => setLeaving(null)} />}
    </div>
  );
}

function DeviceRow({ device, onRemove }: { device: Device; onRemove: () => void }) {
  const Icon = /android|ios|phone/i.test(device.name ?? '') ? Smartphone : Laptop;
  const seen = device.lastSeenAt !== null && !device.current ? ` · ${text.devices.lastSeen(device.lastSeenAt)}` : '';
  return (
    <li className={layout.prop}>
      <Icon size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>
        <bdi>{nameOf(device)}</bdi>
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>{text.devices.added(device.createdAt)}{seen}</span>
      </span>
      {device.current ? <Chip look="ok">{text.devices.thisBrowser}</Chip> : <Button look="quiet" size="small" aria-label={text.devices.removeNamed(nameOf(device))} onClick={onRemove}>{text.devices.remove}</Button>}
    </li>
  );
}

/** Devices that came in lately, after this one. */
function freshAmong(list: Device[]): Device[] {
  const own = list.find(({ current }) => current)?.createdAt ?? 0;
  return list.filter(({ current, createdAt }) => !current && createdAt > own && createdAt > Date.now() - FRESH_MS);
}

export function nameOf(device: Device): string {
  return device.name ?? text.devices.unnamed;
}
