/** Journey 2: an alert is opened, claimed, judged with a reason and left for the next with five keys and no click; and undone. */
import { expect, test } from "@playwright/test";
import { sql } from "./deployment";
import { Hands } from "./hands";
import { expectWellShown, speak } from "./looks";
import { at, LAN } from "./people";

const WITHIN_MS = 10_000;

const WORDS = {
  vi: { closed: "Báo động nhầm", reason: "Luật sai hoặc quá rộng" },
  en: { closed: "False positive", reason: "Rule wrong or too wide" },
} as const;

for (const language of ["vi", "en"] as const) {
  test(`triage takes five keys and no click, in ${language}`, async ({ browser }) => {
    const { page, watch } = await at(browser, LAN);
    await page.goto("/alerts?status=open&assignee=nobody");
    await speak(page, language);
    await expect(page.locator('[role="row"][id^="alert-"]').nth(2)).toBeVisible();
    await page.keyboard.press("j");
    const hands = new Hands(page);
    const begun = Date.now();
    await hands.press("Enter");
    await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
    const first = page.url();
    await expect(page.getByRole("main").getByRole("heading", { level: 1 })).toBeVisible();
    await hands.press("c");
    const dialog = page.getByRole("dialog");
    await expect(dialog).toBeVisible();
    await hands.press("3");
    await expect(dialog.getByRole("radio", { name: WORDS[language].closed })).toBeChecked();
    await hands.press("a");
    await expect(dialog.getByRole("button", { name: WORDS[language].reason })).toHaveAttribute(
      "aria-pressed",
      "true",
    );
    await hands.press("Enter");
    await expect(page).not.toHaveURL(first);
    await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
    const tookMs = Date.now() - begun;
    console.log(`triage in ${language}: ${hands.keys} keys, ${hands.clicks} clicks, ${tookMs} ms`);
    expect(hands.keys).toBeLessThanOrEqual(5);
    expect(hands.clicks).toBe(0);
    expect(tookMs).toBeLessThanOrEqual(WITHIN_MS);

    // It was claimed with it, and is open again after one key more.
    const id = first.split("/").at(-1);
    const stands = () =>
      sql(
        `SELECT a.status, a.verdict, coalesce(c.user_name, '') FROM alert a LEFT JOIN account c ON c.id = a.assignee_id WHERE a.id = '\\x${id}'`,
      );
    expect(await stands()).toEqual([`closed|false_positive|${LAN.user}`]);
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.keyboard.press("U");
    await expect.poll(stands).toEqual(["open||"]);
    watch.expectSilence();
    await speak(page, "vi");
    await page.context().close();
  });
}

test("the queue, an alert and the question are well shown", async ({ browser }) => {
  const { page, watch } = await at(browser, LAN);
  await page.goto("/overview");
  await expectWellShown(page, "02-overview", () =>
    expect(page.getByRole("main").getByRole("heading").nth(3)).toBeVisible(),
  );
  await page.goto("/alerts");
  const row = page.locator('[role="row"][id^="alert-"]').first();
  await expectWellShown(page, "02-queue", () => expect(row).toBeVisible());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  await expectWellShown(page, "02-alert", () =>
    expect(page.getByRole("region").nth(3)).toBeVisible(),
  );
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog")).toBeVisible();
  watch.expectSilence();
  await page.context().close();
});
