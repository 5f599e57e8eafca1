/** How a page looks: to axe in both themes and languages, in a small window, and zoomed. */
import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "../axe";
import { call, picture } from "./people";

const WINDOW = { width: 1366, height: 768 };
/** A page of 1366 by 768 at 200 %. */
const ZOOMED = { width: 683, height: 384 };

/** What one does until the page shows what it is about. */
type Ready = () => Promise<unknown>;

/** Accessible in both themes and both languages, and nowhere wider than its window, zoomed to 200 % either. */
export async function expectWellShown(page: Page, where: string, ready: Ready): Promise<void> {
  try {
    for (const language of ["en", "vi"]) {
      await speak(page, language);
      await ready();
      await expectAccessible(page, `journeys/${where}-${language}`);
      await expectFits(page, `${where} in ${language}`);
    }
    await page.setViewportSize(ZOOMED);
    await expectFits(page, `${where} at 200 %`);
    await page.screenshot({ path: picture(`${where}-zoomed`) });
  } finally {
    await page.setViewportSize(WINDOW);
    await call(page, "PATCH", "/api/v1/account", { language: "vi" });
  }
}

/** The account's language, chosen and shown. */
export async function speak(page: Page, language: string): Promise<void> {
  await call(page, "PATCH", "/api/v1/account", { language });
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", language);
}

/** What reaches out of the window: the page itself, or a control or heading that is in nothing which scrolls by itself, as wide tables do. */
function reachingOut(): string[] {
  const { clientWidth, scrollWidth } = document.documentElement;
  const wide = scrollWidth > clientWidth ? [`the page, by ${scrollWidth - clientWidth} px`] : [];
  const parts = document.querySelectorAll("h1, h2, h3, a, button, input, label, dt, dd");
  const scrolls = (part: Element | null): boolean => {
    if (!part || part.tagName === "MAIN") return false;
    const isWide = part.scrollWidth > part.clientWidth + 1;
    return (isWide && getComputedStyle(part).overflowX === "auto") || scrolls(part.parentElement);
  };
  for (const part of parts) {
    if (part.closest("[hidden], .visually-hidden") || scrolls(part)) continue;
    const { left, right, width, height } = part.getBoundingClientRect();
    if (width === 0 || height === 0 || getComputedStyle(part).clipPath !== "none") continue;
    const name = `${part.tagName} ${part.textContent?.trim().slice(0, 40)}`;
    if (right > clientWidth + 1 || left < -1) wide.push(name);
    // A word that stands a letter a line.
    if (part.tagName === "H1" && height > 3 * width) wide.push(`${name}, squeezed`);
    // Words cut off in a button tell nobody what it does.
    if (part.tagName === "BUTTON" && part.scrollWidth > part.clientWidth + 2) wide.push(`${name}, cut off`);
  }
  return wide;
}

/** Nobody has to scroll sideways to read a page or to reach what is in it. */
async function expectFits(page: Page, where: string): Promise<void> {
  await expect.poll(() => page.evaluate(reachingOut), { message: where }).toEqual([]);
}
