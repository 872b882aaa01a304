import { Laptop, ShieldCheck, Smartphone } from 'lucide-react';
import type { Device } from '../../core/calls';
import { text } from '../../text/en';
import { failureText } from '../../text/failure';
import { Chip } from '../../ui/parts';
import layout from '../../ui/layout.module.css';
import type_ from '../../ui/type.module.css';
import { useDevices } from './use-devices';

/** The account's own devices, as its signed list says. */
export function DeviceList() {
  const devices = useDevices();
  if (devices.state === 'failed') return <p role="alert" className={type_.soft}>{failureText(devices.error)}</p>;
  if (devices.state === 'loading') return null;
  return (
    <div className={layout.tight}>
      <ul className={`${layout.card} ${layout.rows}`}>
        {devices.list.map((device) => <DeviceRow key={device.deviceId} device={device} />)}
      </ul>
      <p className={`${layout.row} ${type_.sm} ${type_.faint}`}>
        <ShieldCheck size={16} strokeWidth={1.6} aria-hidden />
        {text.devices.signed}
      </p>
    </div>
  );
}

function DeviceRow({ device }: { device: Device }) {
  const Icon = /android|ios|phone/i.test(device.name ?? '') ? Smartphone : Laptop;
  return (
    <li className={layout.prop}>
      <Icon size={20} strokeWidth={1.6} aria-hidden />
      <span className={layout.grow}>
        <bdi>{device.name ?? text.devices.unnamed}</bdi>
        <br />
        <span className={`${type_.sm} ${type_.faint}`}>{text.devices.added(device.createdAt)}</span>
      </span>
      {device.current && <Chip look="ok">{text.devices.thisBrowser}</Chip>}
    </li>
  );
}
