/** What must stay silent while a page is used: errors, and the content security policy. */
import { expect, type Page } from "@playwright/test";

/** Before sign-in the console asks who is signed in, and is told 401; the browser logs that. */
function isExpected(text: string, url: string): boolean {
  return text.includes("401") && new URL(url).pathname === "/api/v1/session";
}

export class Watch {
  private readonly problems: string[] = [];

  constructor(page: Page) {
    page.on("pageerror", (error) => this.problems.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const { url } = message.location();
      if (url && isExpected(message.text(), url)) return;
      this.problems.push(`${message.type()}: ${message.text()} (${url})`);
    });
    // Not each violation reaches the console: a browser tells of an inline style once.
    void page.exposeFunction("policyViolated", (what: string) =>
      this.problems.push(`policy: ${what}`),
    );
    void page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { policyViolated } = window as unknown as { policyViolated(what: string): void };
        policyViolated(
          `${event.effectiveDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`,
        );
      });
    });
  }

  expectSilence(): void {
    expect(this.problems, "errors in the browser's console").toEqual([]);
  }
}
