/** What must stay silent while a page is used: errors, and the content security policy. */
import { expect, type Page } from "@playwright/test";

/** A refusal that a story asks for: the browser logs each answer that is no success. */
interface Refusal {
  status: number;
  path: RegExp;
}

/** Before sign-in the console asks who is signed in, and is told 401. */
const NOBODY_YET: Refusal = { status: 401, path: /^\/api\/v1\/session$/ };

export class Watch {
  private readonly problems: string[] = [];
  private readonly expected: Refusal[] = [NOBODY_YET];

  constructor(page: Page) {
    page.on("pageerror", (error) => this.problems.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      const { url } = message.location();
      if (url && this.isExpected(message.text(), url)) return;
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

  /** From now on this answer is what the story is about. */
  expects(status: number, path: RegExp): void {
    this.expected.push({ status, path });
  }

  expectSilence(): void {
    expect(this.problems, "errors in the browser's console").toEqual([]);
  }

  private isExpected(text: string, url: string): boolean {
    const { pathname } = new URL(url);
    return this.expected.some(
      ({ status, path }) => text.includes(`status of ${status}`) && path.test(pathname),
    );
  }
}
