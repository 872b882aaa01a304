import type { Browser, BrowserContext, CDPSession, Page } from '@playwright/test';

/** What somebody has allowed in their browser, before the story begins. */
export type Allowed = { permissions?: string[] };

/**
 * Somebody with a browser of their own: a context, a page, and everything that went wrong in it.
 * Errors in the worker are heard too: Chromium tells them through the page's log, and only there.
 */
export class Person {
  readonly faults: string[] = [];
  /** How often what was foreseen has happened. */
  foreseenCount = 0;
  private foreseen: RegExp | null = null;

  private constructor(
    readonly context: BrowserContext,
    public page: Page,
  ) {}

  static async open(browser: Browser, { permissions = [] }: Allowed = {}): Promise<Person> {
    const context = await browser.newContext({ acceptDownloads: true, permissions });
    const person = new Person(context, await context.newPage());
    context.on('weberror', (event) => person.faults.push(`uncaught: ${event.error().message}`));
    await person.listen();
    return person;
  }

  /** Closes the app; what the browser stored stays, as after closing a tab. */
  async leave(): Promise<void> {
    await this.page.close();
  }

  /** Opens the app again, in a new tab of the same browser. */
  async comeBack(address: string): Promise<void> {
    this.page = await this.context.newPage();
    await this.listen();
    await this.page.goto(address);
  }

  /**
   * Looks at another tab, for as long as the story wants. Playwright lets every page believe that it
   * has the focus; that belief is taken away, and given back by the function that this answers with.
   */
  async lookAway(): Promise<() => Promise<void>> {
    const { page } = this;
    const session: CDPSession = await this.context.newCDPSession(page);
    const elsewhere = await this.context.newPage();
    await elsewhere.bringToFront();
    await session.send('Emulation.setFocusEmulationEnabled', { enabled: false });
    return async () => {
      await elsewhere.close();
      await page.bringToFront();
      await session.send('Emulation.setFocusEmulationEnabled', { enabled: true });
    };
  }

  /** What the browser says of itself in this story, and is right to say. */
  foresee(fault: RegExp): void {
    this.foreseen = fault;
  }

  async close(): Promise<void> {
    await this.context.close();
  }

  private async listen(): Promise<void> {
    const log = await this.context.newCDPSession(this.page);
    this.page.on('crash', () => this.faults.push('the page crashed'));
    log.on('Log.entryAdded', ({ entry }) => {
      // A refused request is the app's business (it shows it); a refused script or style is a fault.
      if (entry.level !== 'error' || entry.source === 'network') return;
      if (this.foreseen?.test(entry.text)) {
        this.foreseenCount += 1;
        return;
      }
      this.faults.push(`${entry.source}: ${entry.text}`);
    });
    await log.send('Log.enable');
  }
}
