/** Journey 7: who leaves the desk locks the screen; nothing of it can be got, in whichever way; the password leads back to where one was. */
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import type { Watch } from "../watch";
import { at, call, HOA, picture } from "./people";

test.describe.configure({ mode: "serial" });

const QUEUE = "/alerts?status=open%2Cacknowledged";
const MINUTE_MS = 60_000;

let page: Page;
let watch: Watch;

test.beforeAll(async ({ browser }) => {
  ({ page, watch } = await at(browser, HOA));
  watch.expects(423, /^\/api\//);
});
test.afterAll(() => page?.context().close());
test.afterEach(() => watch.expectSilence());

const heading = (from: Page) => from.getByRole("heading", { name: "Màn hình đã khóa" });
const field = (from: Page) => from.getByRole("textbox", { name: "Mật khẩu" });

async function unlock(from: Page): Promise<void> {
  await expect(field(from)).toBeFocused();
  await from.keyboard.type(HOA.password);
  await from.keyboard.press("Enter");
}

/** What the API answers to a call that somebody makes in the browser's tools. */
const answerTo = (from: Page, path: string) =>
  from.evaluate(async (asked) => (await fetch(asked)).status, path);

test("a key locks all tabs, and nothing is left of what they showed", async () => {
  await page.goto(QUEUE);
  await expect(page.getByRole("grid").or(page.getByRole("table")).first()).toBeVisible();
  const other = await page.context().newPage();
  await other.goto("/overview");
  await expect(other.getByRole("main")).not.toBeEmpty();
  await page.bringToFront();
  await page.keyboard.press("L");
  await expect(heading(page)).toBeVisible();
  await expect(heading(other)).toBeVisible();
  await expect(page.getByText(HOA.name)).toBeVisible();
  await expect(page).toHaveTitle(/Màn hình đã khóa/);
  for (const what of ["table", "grid", "navigation"] as const)
    await expect(page.getByRole(what)).toHaveCount(0);
  for (const path of ["/api/v1/session", "/api/v1/alerts", "/api/v1/events", "/api/v1/exports/1/file"])
    expect(await answerTo(page, path), path).toBe(423);
  await page.reload();
  await expect(heading(page)).toBeVisible();
  await page.goto("/search");
  await expect(heading(page)).toBeVisible();
  await page.goBack();
  await expect(heading(page)).toBeVisible();
  await other.close();
});

test("a wrong password is told; the right one leads back to where one was", async () => {
  watch.expects(403, /^\/api\/v1\/session\/unlock$/);
  await page.goto(QUEUE);
  await expect(field(page)).toBeFocused();
  await page.keyboard.type("không phải mật khẩu");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("Mật khẩu không đúng.");
  await unlock(page);
  await expect(page.getByRole("button", { name: HOA.name })).toBeVisible();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(QUEUE);
});

test("the menu locks too, and the page of the lock is well shown", async () => {
  await page.getByRole("button", { name: HOA.name }).click();
  await page.getByRole("menuitem", { name: "Khóa màn hình" }).click();
  await expect(heading(page)).toBeVisible();
  await expectAccessible(page, "journeys/07-lock");
  await page.setViewportSize({ width: 683, height: 384 });
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(wide, "at 200 %").toBeLessThanOrEqual(0);
  await page.screenshot({ path: picture("07-lock-zoomed") });
  await page.setViewportSize({ width: 1366, height: 768 });
  await field(page).focus();
  await unlock(page);
  await expect(page.getByRole("button", { name: HOA.name })).toBeVisible();
});

test("a page that nobody touches locks itself; one on the wall does not", async ({ browser }) => {
  const own = await at(browser, HOA);
  own.watch.expects(423, /^\/api\//);
  await own.page.clock.install();
  await own.page.goto("/account");
  await call(own.page, "PUT", "/api/v1/account/lock", { minutes: 5 });
  await own.page.goto("/wall");
  await expect(own.page.getByRole("main")).not.toBeEmpty();
  await own.page.clock.fastForward(20 * MINUTE_MS);
  await expect(own.page.getByRole("main")).not.toBeEmpty();
  await expect(heading(own.page)).toHaveCount(0);
  // Whoever turns from the wall to a page of work has been away.
  await own.page.evaluate(() => localStorage.removeItem("vonggac-active"));
  await own.page.goto("/account");
  await expect(own.page.getByRole("button", { name: HOA.name })).toBeVisible();
  await own.page.clock.fastForward(4 * MINUTE_MS);
  await own.page.keyboard.press("Shift");
  await own.page.clock.fastForward(4 * MINUTE_MS);
  await expect(heading(own.page)).toHaveCount(0);
  await own.page.clock.fastForward(2 * MINUTE_MS);
  await expect(heading(own.page)).toBeVisible();
  await unlock(own.page);
  await expect(own.page.getByRole("button", { name: HOA.name })).toBeVisible();
  await call(own.page, "PUT", "/api/v1/account/lock", { minutes: 15 });
  own.watch.expectSilence();
  await own.page.context().close();
});
