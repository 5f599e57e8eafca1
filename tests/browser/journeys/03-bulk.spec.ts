/** Journey 3: one verdict and one note on 1,200 alerts at once, as on a single one; 1,200 entries in the log; undone with one key. */
import { expect, type Locator, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { marked, ruleOf, rulesFor } from "./capture";
import { play, sql } from "./deployment";
import { Hands } from "./hands";
import { at, LAN, picture } from "./people";

const ALERTS = 1_200;
const WITHIN_MS = 5_000;
const MARK = { sid: 9_990_003, word: "bulk", title: "Journey 3: one of very many" };
/** From the start of play until the last of them is in the queue. */
const ARRIVAL_MS = 90_000;
const NOTE = "Máy quét của Trung tâm, đã hỏi lại";

const entries = async (action: string, which = "true"): Promise<number> => {
  const counted = `SELECT count(*) FROM audit_entry WHERE action = '${action}' AND ${which}`;
  return Number((await sql(counted))[0]);
};

test("1,200 alerts are closed at once with a note, written down one by one, and opened again", async ({
  browser,
}) => {
  const startMs = Date.now() - 300_000;
  const datagrams = Array.from({ length: ALERTS }, (_, number) => {
    const src = `10.30.${Math.floor(number / 250)}.${1 + (number % 250)}`;
    return marked(MARK, { atMs: startMs + number * 100, src, dst: "192.0.2.30" });
  });
  await play(datagrams, { organisation: "vn", rules: rulesFor(MARK) });

  const { page, watch } = await at(browser, LAN);
  await page.goto(`/alerts?rule=${encodeURIComponent(ruleOf(MARK))}`);
  const grid = page.getByRole("grid", { name: "Cảnh báo" });
  await expect(grid).toHaveAttribute("aria-rowcount", String(ALERTS + 1), { timeout: ARRIVAL_MS });
  const took = await closeAndTakeBack(page, grid);
  console.log(`bulk: ${ALERTS} alerts closed and shown in ${took} ms`);
  expect(took).toBeLessThanOrEqual(WITHIN_MS);
  watch.expectSilence();
  await page.context().close();
});

/** Closes all that match with one answer, and opens them again; gives how long closing took until it was shown, in milliseconds. */
async function closeAndTakeBack(page: Page, grid: Locator): Promise<number> {
  const noted = `position(convert_to('${NOTE}', 'UTF8') IN content) > 0`;
  const before = [await entries("alert.close", noted), await entries("alert.undo")] as const;
  const hands = new Hands(page);
  await hands.press("X");
  await hands.press("c");
  const dialog = page.getByRole("dialog", { name: /1\D?200/ });
  await expect(dialog).toBeVisible();
  // Verdict and note are the answer to one question.
  await page.keyboard.press("2");
  await hands.write(dialog.getByRole("textbox", { name: "Ghi chú" }), NOTE);
  await expectAccessible(page, "journeys/03-question");
  const begun = Date.now();
  await hands.press("Control+Enter");
  await expect(page.getByText(/^Đã đóng 1\D?200 cảnh báo/)).toBeVisible();
  await expect(grid).toHaveAttribute("aria-rowcount", "1");
  const tookMs = Date.now() - begun;
  expect(hands.actions).toBeLessThanOrEqual(4);
  expect((await entries("alert.close", noted)) - before[0]).toBe(ALERTS);
  await page.screenshot({ path: picture("03-closed") });

  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("U");
  await expect(page.getByText(/^Đã khôi phục 1\D?200 cảnh báo/)).toBeVisible();
  await expect(grid).toHaveAttribute("aria-rowcount", String(ALERTS + 1));
  expect((await entries("alert.undo")) - before[1]).toBe(ALERTS);
  return tookMs;
}
