/** Hands that count: how many keys and clicks something took. */
import type { Locator, Page } from "@playwright/test";

export class Hands {
  keys = 0;
  clicks = 0;
  /** Texts that were written, each as one thing done. */
  texts = 0;

  constructor(private readonly page: Page) {}

  get actions(): number {
    return this.keys + this.clicks + this.texts;
  }

  async press(key: string): Promise<void> {
    this.keys += 1;
    await this.page.keyboard.press(key);
  }

  async click(what: Locator): Promise<void> {
    this.clicks += 1;
    await what.click();
  }

  async write(where: Locator, text: string): Promise<void> {
    this.texts += 1;
    await where.focus();
    await this.page.keyboard.type(text);
  }
}
