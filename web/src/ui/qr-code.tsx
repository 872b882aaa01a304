import { encodeQR } from 'qr';
import { useMemo } from 'react';
import styles from './qr-code.module.css';

type Props = { payload: string; label: string };

/** A QR code as one SVG path: always dark on white, whatever the theme, so that cameras read it. */
export function QrCode({ payload, label }: Props) {
  const { path, modules } = useMemo(() => draw(payload), [payload]);
  return (
    <svg className={styles.qr} viewBox={`0 0 ${modules} ${modules}`} fill="currentColor" shapeRendering="crispEdges" role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}

function draw(payload: string): { path: string; modules: number } {
  const rows = encodeQR(payload, 'raw', { ecc: 'medium', border: 1 });
  const dark = rows.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { path: dark.join(''), modules: rows.length };
}
