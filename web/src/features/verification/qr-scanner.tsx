import { useEffect, useRef, useState } from 'react';
import { text } from '../../text/en';
import styles from './verification.module.css';
import { useCamera } from './use-camera';

type Props = { onScanned: (payload: string) => void };

const frameMaxPx = 720;
const pauseMs = 120;

/** Looks for a QR code in the camera's picture. Loaded only when somebody wants to scan. */
export function QrScanner({ onScanned }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const camera = useCamera(video);
  const seen = useRef<string | null>(null);
  const [report] = useState(() => onScanned);

  useEffect(() => {
    if (camera !== 'on') return;
    const canvas = new OffscreenCanvas(1, 1);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const look = async () => {
      const began = performance.now();
      const payload = await read(video.current, canvas);
      if (gone) return;
      if (payload !== null && payload !== seen.current) {
        seen.current = payload;
        report(payload);
      }
      // A slow device gets twice the time that looking took for everything else on the page.
      timer = setTimeout(() => void look(), Math.max(pauseMs, 2 * (performance.now() - began)));
    };
    void look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [camera, report]);

  return (
    <div className={styles.scanner}>
      <video ref={video} muted playsInline aria-label={text.verify.cameraPicture} data-on={camera === 'on' || undefined} />
      <p role="status">{camera === 'refused' ? text.verify.noCamera : camera === 'on' ? text.verify.point : text.verify.starting}</p>
    </div>
  );
}

/** One frame: null if there is no code in it. */
async function read(video: HTMLVideoElement | null, canvas: OffscreenCanvas): Promise<string | null> {
  if (!video || video.videoWidth === 0) return null;
  const scale = Math.min(1, frameMaxPx / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const { decodeQR } = await import('qr/decode.js');
  try {
    return decodeQR({ data, width, height });
  } catch {
    return null;
  }
}
