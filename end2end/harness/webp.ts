// A picture made small enough for a README. The browser that took it also packs it.

import type { BrowserContext } from '@playwright/test';

const QUALITY = 0.9;

export async function webp(context: BrowserContext, png: Buffer): Promise<Buffer> {
  const page = await context.newPage();
  const packed = await page.evaluate(
    async ([data, quality]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext('2d')!.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', quality).split(',')[1];
    },
    [png.toString('base64'), QUALITY] as const,
  );
  await page.close();
  return Buffer.from(packed, 'base64');
}
