import type { Locator } from '@playwright/test';

/**
 * Drags files over something, as from a file manager: through the browser itself, not by an event
 * that a script made. Answers with how to let them go.
 */
export async function dragOver(target: Locator, files: string[]): Promise<() => Promise<void>> {
  const page = target.page();
  const box = await target.boundingBox();
  if (!box) throw new Error('nothing is drawn there');
  const session = await page.context().newCDPSession(page);
  const drag = {
    x: box.x + box.width / 2,
    y: box.y + box.height / 2,
    // 1: copy.
    data: { items: [], files, dragOperationsMask: 1 },
  };
  await session.send('Input.dispatchDragEvent', { type: 'dragEnter', ...drag });
  await session.send('Input.dispatchDragEvent', { type: 'dragOver', ...drag });
  return async () => {
    await session.send('Input.dispatchDragEvent', { type: 'drop', ...drag });
  };
}
