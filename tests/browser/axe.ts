/** Accessibility by axe-core, put in beside the page's own scripts so that its policy stays in force. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, type Page } from "@playwright/test";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Speech control calls a thing by what it reads on it; the rule is off unless it is asked for.
const RULES = '{ rules: { "label-content-name-mismatch": { enabled: true } } }';
const RUN = `axe.run(${RULES}).then((found) => JSON.stringify(found.violations
  .filter((each) => each.impact === "serious" || each.impact === "critical")
  .map((each) => each.id + ": " + each.nodes.map((node) => node.html.slice(0, 160)).join(" | "))))`;

/** No serious or critical finding, in the light and in the dark theme. */
export async function expectAccessible(page: Page, where: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string, awaitPromise: boolean) => {
    const answer = await session.send("Runtime.evaluate", {
      expression,
      awaitPromise,
      returnByValue: true,
    });
    expect(answer.exceptionDetails, `axe on ${where}`).toBeUndefined();
    return String(answer.result.value);
  };
  await evaluate(`${SOURCE};0`, false);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    // Colours in transition would be judged at values nobody reads.
    await page.waitForFunction(() =>
      document.getAnimations().every((animation) => animation.playState !== "running"),
    );
    expect(JSON.parse(await evaluate(RUN, true)), `axe on ${where}, ${colorScheme}`).toEqual([]);
    await page.screenshot({ path: `test-results/${where}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await session.detach();
}
