/** Journey 6: a query is typed with what is offered, seen over time, saved and shared; its address shows another what he may see of it. */
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { question } from "./capture";
import { play } from "./deployment";
import { expectWellShown } from "./looks";
import { at, HOA, LAN, MINH, PROVINCE, picture } from "./people";

test.describe.configure({ mode: "serial" });

/** Of this run alone. */
const ZONE = `t${Date.now().toString(36)}.example`;
const OWN = 7;
const PROVINCES = 3;
const ARRIVAL_MS = 60_000;

const total = async (page: Page) => {
  const histogram = page.getByRole("img", { name: /^Số sự kiện theo thời gian/ });
  return Number(await histogram.getAttribute("data-total"));
};

/** The address that stands for the search. */
let address: string;

test("a query is completed by keyboard, counted over time, and its mistake is shown where it is", async ({
  browser,
}) => {
  const atMs = Date.now() - 120_000;
  const ask = (count: number, label: string) =>
    Array.from({ length: count }, (_, number) => {
      const of = { atMs: atMs + number * 1_000, src: `10.60.0.${10 + number}`, dst: "192.0.2.60" };
      return question(`${label}-${number}.${ZONE}`, of);
    });
  await play(ask(OWN, "vn"), { organisation: "vn", rules: "" });
  await play(ask(PROVINCES, "thanh-hoa"), { organisation: PROVINCE.code, rules: "" });

  const { page, watch } = await at(browser, LAN);
  watch.expects(400, /^\/api\/v1\/events(\/histogram)?$/);
  await page.goto("/search");
  const box = page.getByRole("combobox", { name: "Truy vấn" });
  const offers = page.getByRole("listbox", { name: "Gợi ý trường" });
  await expect(box).toBeVisible();
  await page.keyboard.press("/");
  await expect(box).toBeFocused();
  await page.keyboard.type("quer");
  await expect(offers.getByRole("option", { name: /^query / })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await expect(box).toHaveValue("query:");
  // Values that there were are offered, too.
  await page.keyboard.type("vn-0");
  await expect(offers.getByRole("option", { name: `vn-0.${ZONE}` })).toBeVisible();
  await page.screenshot({ path: picture("06-completion") });
  await page.keyboard.press("Escape");
  const mistaken = `query:*.${ZONE} AND )`;
  await box.fill(mistaken);
  await page.keyboard.press("Enter");
  const wrong = page.getByRole("alert");
  const column = mistaken.indexOf(")") + 1;
  await expect(wrong).toContainText(`Lỗi ở cột ${column}: Ở đây phải có điều cần tìm`);
  await expect(box).toHaveAttribute("aria-invalid", "true");
  await expectAccessible(page, "journeys/06-mistake");

  await box.fill(`query:*.${ZONE}`);
  await page.keyboard.press("Enter");
  await expect.poll(() => total(page), { timeout: ARRIVAL_MS }).toBe(OWN + PROVINCES);
  await expect(page.getByRole("img", { name: /^Số sự kiện/ }).locator("canvas")).toBeVisible();
  address = page.url();
  await expectWellShown(page, "06-search", () =>
    expect(page.locator('[role="row"][id^="event-"]').first()).toBeVisible(),
  );
  watch.expectSilence();
  await page.context().close();
});

test("it is saved and shared, and a colleague opens it", async ({ browser }) => {
  const { page, watch } = await at(browser, LAN);
  await page.goto(address);
  await page.getByRole("button", { name: "Đã lưu" }).click();
  const menu = page.getByRole("dialog", { name: "Đã lưu" });
  await menu.getByLabel("Tên").fill("Trinh sát tên miền");
  await menu.getByRole("checkbox", { name: /^Chia sẻ với cơ quan/ }).check();
  await menu.getByRole("button", { name: "Lưu tìm kiếm này" }).click();
  await expect(menu.getByText("Đã lưu “Trinh sát tên miền”")).toBeVisible();
  await expectAccessible(page, "journeys/06-saved");
  watch.expectSilence();
  await page.context().close();

  const colleague = await at(browser, HOA);
  await colleague.page.goto("/search");
  await colleague.page.getByRole("button", { name: "Đã lưu" }).click();
  const shared = colleague.page.getByRole("dialog", { name: "Đã lưu" });
  await shared.getByRole("button", { name: /Trinh sát tên miền/ }).click();
  await expect.poll(() => total(colleague.page)).toBe(OWN + PROVINCES);
  colleague.watch.expectSilence();
  await colleague.page.context().close();
});

test("the address finds in another's browser what is within his reach", async ({ browser }) => {
  const { page, watch } = await at(browser, MINH);
  await page.goto(new URL(address).pathname + new URL(address).search);
  await expect.poll(() => total(page)).toBe(PROVINCES);
  await expect(page.getByText(`thanh-hoa-0.${ZONE}`).first()).toBeVisible();
  await expect(page.getByText(`vn-0.${ZONE}`)).toHaveCount(0);
  // Nor are values offered that only others have seen.
  const box = page.getByRole("combobox", { name: "Truy vấn" });
  await box.fill("query:vn-");
  await box.press("0");
  await page.waitForResponse((answer) => answer.url().includes("/events/values"));
  await expect(page.getByRole("option", { name: `vn-0.${ZONE}` })).toHaveCount(0);
  // What was shared with the nation's organisation is not there for a province.
  await page.getByRole("button", { name: "Đã lưu" }).click();
  await expect(page.getByText("Chưa lưu tìm kiếm nào.")).toBeVisible();
  watch.expectSilence();
  await page.context().close();
});
