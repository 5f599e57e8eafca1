/** Journey 4: the same detection a hundred times is one row that counts, and one notice. */
import { expect, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { marked, ruleOf, rulesFor } from "./capture";
import { play } from "./deployment";
import { at, call, LAN } from "./people";

const TIMES = 100;
const MARK = { sid: 9_990_004, word: "repeat", title: "Journey 4: the same again and again" };
const ARRIVAL_MS = 60_000;

test("a hundred repeats are one row with its count and times, and one notice", async ({ browser }) => {
  const { page, watch } = await at(browser, LAN);
  await call(page, "GET", "/api/v1/session").catch(() => page.goto("/alerts"));
  await call(page, "POST", "/api/v1/notice-rules", {
    name: "Lặp lại",
    about: "alert",
    severity: "high",
    words: MARK.title,
    organisation: null,
    ways: [],
    is_on: true,
  });
  await page.goto(`/alerts?rule=${encodeURIComponent(ruleOf(MARK))}`);
  const firstMs = Date.now() - 200_000;
  const datagrams = Array.from({ length: TIMES }, (_, number) =>
    marked(MARK, { atMs: firstMs + number * 1_000, src: "10.40.0.4", dst: "192.0.2.40" }),
  );
  await play(datagrams, { organisation: "vn", rules: rulesFor(MARK) });

  const rows = page.locator('[role="row"][id^="alert-"]');
  await expect(rows).toHaveCount(1, { timeout: ARRIVAL_MS });
  await expect(rows.first().getByRole("gridcell", { name: String(TIMES), exact: true })).toBeVisible({
    timeout: ARRIVAL_MS,
  });
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  const id = page.url().split("/").at(-1);
  const alert = await call(page, "GET", `/api/v1/alerts/${id}`);
  const told = (alert.alert ?? alert) as { count: number; first_seen: string; last_seen: string };
  expect(told.count).toBe(TIMES);
  const spanMs = Date.parse(told.last_seen) - Date.parse(told.first_seen);
  expect(spanMs).toBe((TIMES - 1) * 1_000);
  const seen = page.getByRole("main").locator("dt", { hasText: "Diễn ra" }).locator("xpath=..");
  await expect(seen.locator("time")).toHaveCount(2);

  const notices = async () => {
    const { items } = await call(page, "GET", "/api/v1/notices");
    return (items as { alert: { id: string } | null }[]).filter((each) => each.alert?.id === id);
  };
  await expect.poll(async () => (await notices()).length).toBe(1);
  await expect(page.getByRole("button", { name: /^Thông báo: 1 chưa đọc/ })).toBeVisible();
  await page.getByRole("button", { name: /^Thông báo/ }).click();
  const dialog = page.getByRole("dialog", { name: "Thông báo" });
  await expect(dialog.getByText(MARK.title)).toHaveCount(1);
  await expectAccessible(page, "journeys/04-notice");
  await dialog.getByRole("button", { name: "Đánh dấu đã đọc hết" }).click();
  await expect(page.getByRole("button", { name: "Thông báo", exact: true })).toBeVisible();
  watch.expectSilence();
  await page.context().close();
});
