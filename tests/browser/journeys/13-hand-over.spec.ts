/** Journey 13: the draft of a hand-over fills itself, the next lead takes over, and what changed since one was last here is a click away. */
import { expect, test } from "@playwright/test";
import { marked, rulesFor } from "./capture";
import { play } from "./deployment";
import { Hands } from "./hands";
import { expectWellShown } from "./looks";
import { at, HOA, LAN } from "./people";

test.describe.configure({ mode: "serial" });

const MARK = { sid: 9_990_013, word: "shift", title: "Journey 13: late in the shift" };
const ARRIVAL_MS = 60_000;
const NOTE = "Để ý VPN của Sở Y tế, đơn vị sẽ gọi lại lúc 21 giờ.";
const WHY = "Chờ đơn vị trả lời";

/** The hand-over's address. */
let address: string;

test("the draft has what is open and watched before anything is typed, and is handed over", async ({
  browser,
}) => {
  const of = { atMs: Date.now() - 30_000, src: "10.130.0.13", dst: "192.0.2.130" };
  await play([marked(MARK, of)], { organisation: "vn", rules: rulesFor(MARK) });
  const { page, watch } = await at(browser, LAN);
  await page.goto(`/alerts?q=${encodeURIComponent(MARK.title)}`);
  await expect(page.locator('[role="row"][id^="alert-"]')).toHaveCount(1, { timeout: ARRIVAL_MS });
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Theo dõi…" }).click();
  const asked = page.getByRole("dialog", { name: "Theo dõi…" });
  await asked.getByRole("textbox", { name: "Lý do" }).fill(WHY);
  await asked.getByRole("button", { name: "Theo dõi" }).click();
  await expect(page.getByRole("button", { name: "Thôi theo dõi" })).toBeVisible();

  // A dialog that is still closing has the keys.
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.getByRole("button", { name: "Bắt đầu bàn giao" }).click();
  await expect(page).toHaveURL(/\/alerts\/handover\/\d+$/);
  address = new URL(page.url()).pathname;
  const watched = page.getByRole("region", { name: "Danh sách theo dõi" });
  await expect(watched.getByText(WHY)).toBeVisible();
  const open = page.getByRole("region", { name: "Cảnh báo chưa đóng, theo mức và tuổi" });
  await expect(open.getByRole("row").nth(1)).toBeVisible();
  const urgent = page.getByRole("region", { name: /^Khẩn cấp nhất trước/ });
  await expect(urgent.getByRole("link").first()).toBeVisible();
  const changes = page.getByRole("region", { name: "Trong ca này" });
  await expect(changes.getByRole("row").nth(1)).toBeVisible();
  await expectWellShown(page, "13-draft", () => expect(page.getByText(WHY)).toBeVisible());

  const words = page.getByRole("textbox", { name: "Điều trưởng ca sau cần biết" });
  await words.fill(NOTE);
  await page.getByRole("button", { name: "Giao ca" }).click();
  await page.getByRole("dialog", { name: "Giao ca" }).getByRole("button", { name: "Giao ca" }).click();
  await expect(page.getByText("Chờ trưởng ca sau nhận", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Nhận ca" })).toHaveCount(0);
  watch.expectSilence();
  await page.context().close();
});

test("the next lead reads it, takes over, and sees with one click what changed since", async ({
  browser,
}) => {
  const { page, watch } = await at(browser, HOA);
  await page.goto(address);
  await expect(page.getByText(NOTE)).toBeVisible();
  await page.getByRole("textbox", { name: "Ý kiến khi nhận ca" }).fill("Đã gọi Sở Y tế.");
  await page.getByRole("button", { name: "Nhận ca" }).click();
  await expect(page.getByText("Đã nhận ca", { exact: true })).toBeVisible();
  await expect(page.getByText(`${HOA.name} đã nhận`)).toBeVisible();
  await expectWellShown(page, "13-taken", () => expect(page.getByText(NOTE)).toBeVisible());
  await page.goto("/alerts/handover");
  await expectWellShown(page, "13-list", () =>
    expect(page.getByRole("row").nth(1)).toBeVisible(),
  );

  await page.goto("/alerts");
  const since = page.getByRole("link", { name: /^Từ lần trước tôi vào/ });
  await expect(since).toBeVisible();
  const hands = new Hands(page);
  await hands.click(since);
  await expect(page).toHaveURL(/changed_from=/);
  await expect(page.getByText(MARK.title).first()).toBeVisible();
  expect(hands.clicks).toBeLessThanOrEqual(1);
  watch.expectSilence();
  await page.context().close();
});
