/** A drawn picture, so that no photograph has to lie in the repository. */
export async function sunset(): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = 680;
  canvas.height = 510;
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error('no 2d context');
  ctx.scale(2, 2);
  const sky = ctx.createLinearGradient(0, 0, 0, 255);
  for (const [stop, colour] of [[0, '#f3c9a0'], [0.55, '#e59a6c'], [1, '#6d5260']] as const) sky.addColorStop(stop, colour);
  fill(ctx, sky, new Path2D('M0 0h340v255H0Z'));
  fill(ctx, '#fff2dc', new Path2D('M262 92a26 26 0 1 1-52 0 26 26 0 0 1 52 0Z'));
  fill(ctx, '#54424f', new Path2D('M0 168c60-30 96-6 140-18s70-44 120-30 60 20 80 18v117H0Z'));
  fill(ctx, '#382d38', new Path2D('M0 205c70-24 120 4 180-6s100-28 160-12v68H0Z'));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/png');
  });
}

function fill(ctx: CanvasRenderingContext2D, style: string | CanvasGradient, path: Path2D): void {
  ctx.fillStyle = style;
  ctx.fill(path);
}
