import type { Browser, BrowserContext, CDPSession, Page } from '@playwright/test';

/**
 * Somebody with a browser of their own: a context, a page, and everything that went wrong in it.
 * Errors in the worker are heard too: Chromium tells them through the page's log, and only there.
 */
export class Person {
  readonly faults: string[] = [];
  private foreseen: RegExp | null = null;

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async open(browser: Browser): Promise<Person> {
    const context = await browser.newContext({ acceptDownloads: true });
    const person = new Person(context, await context.newPage());
    await person.listen(await context.newCDPSession(person.page));
    return person;
  }

  /** What the browser says of itself in this story, and is right to say. */
  foresee(fault: RegExp): void {
    this.foreseen = fault;
  }

  async close(): Promise<void> {
    await this.context.close();
  }

  private async listen(log: CDPSession): Promise<void> {
    this.context.on('weberror', (event) => this.faults.push(`uncaught: ${event.error().message}`));
    this.page.on('crash', () => this.faults.push('the page crashed'));
    log.on('Log.entryAdded', ({ entry }) => {
      // A refused request is the app's business (it shows it); a refused script or style is a fault.
      if (entry.level !== 'error' || entry.source === 'network' || this.foreseen?.test(entry.text)) return;
      this.faults.push(`${entry.source}: ${entry.text}`);
    });
    await log.send('Log.enable');
  }
}
