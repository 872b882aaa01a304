import { useEffect, useState } from 'react';
import type { RefObject } from 'react';

export type Camera = 'starting' | 'on' | 'refused';

/** The camera's picture in a video element, for as long as that is mounted. */
export function useCamera(video: RefObject<HTMLVideoElement | null>): Camera {
  const [camera, setCamera] = useState<Camera>('starting');

  useEffect(() => {
    let stream: MediaStream | null = null;
    let gone = false;
    const stop = () => stream?.getTracks().forEach((track) => track.stop());

    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false });
      if (gone || !video.current) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      setCamera('on');
    };

    start().catch(() => gone || setCamera('refused'));
    return () => {
      gone = true;
      stop();
    };
  }, [video]);

  return camera;
}
