/** A name without the controls that could turn it around (`gpj.exe` shown as `exe.jpg`). */
export function shownName(name: string): string {
  return name.replace(/[\u0000-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069/\\]/g, '').trim() || 'file';
}

/** Up to four letters behind the last dot, as the card shows them. */
export function extension(name: string): string | null {
  return /\.([a-z0-9]{1,4})$/i.exec(name)?.[1]?.toUpperCase() ?? null;
}

/** Hands a file to the browser's own downloads; never opened in our origin. */
export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The download has read the address when the click's task is over.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
