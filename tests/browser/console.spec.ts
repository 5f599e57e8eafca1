/**
 * The first working day of an analyst, in one story: set up, watch alerts come,
 * work on one by keyboard alone, search its events, change language and theme.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { expect, type Page, test } from "@playwright/test";
import { appCode } from "./app-code";
import { expectAccessible } from "./axe";
import { Watch } from "./watch";

const SETUP_CODE = process.env.VONGGAC_SETUP_CODE ?? "";
const PLAY_COMMAND = process.env.VONGGAC_PLAY_COMMAND ?? "";
const NAME = "Nguyễn Thị Lan";
const USER = "lan.nguyen@example.vn";
const PASSWORD = "ruộng lúa xanh bên sông Hương";
/** From the start of play to the first alert on the screen. */
const FIRST_ALERT_MS = 90_000;

test.describe.configure({ mode: "serial" });

let page: Page;
let watch: Watch;
let play: ChildProcess | undefined;

test.beforeAll(async ({ browser }) => {
  for (const name of ["VONGGAC_URL", "VONGGAC_SETUP_CODE", "VONGGAC_PLAY_COMMAND"]) {
    expect(process.env[name], `${name} must be set (see playwright.config.ts)`).toBeTruthy();
  }
  page = await browser.newPage();
  watch = new Watch(page);
});

test.afterAll(async () => {
  play?.kill();
  await page?.close();
});

test.afterEach(() => watch.expectSilence());

const grid = () => page.getByRole("grid");
/** How many alerts the queue says it has; only those in view are in the page. */
const alertsInQueue = async () => Number(await grid().getAttribute("aria-rowcount")) - 1;
const alertRows = () => grid().locator('[role="row"][id^="alert-"]');
const eventRows = () => grid().locator('[role="row"][id^="event-"]');

test("the first administrator is made with the one-time code", async () => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/setup/);
  await expect(page.getByRole("heading", { name: "Tạo quản trị viên đầu tiên" })).toBeVisible();
  await page.getByLabel("Mã dùng một lần").fill(SETUP_CODE);
  await page.getByLabel("Họ và tên").fill(NAME);
  await page.getByLabel("Tên đăng nhập").fill(USER);
  await page.getByRole("textbox", { name: "Mật khẩu" }).fill("ngắn");
  await expect(page.getByText("Quá ngắn")).toBeVisible();
  await page.getByRole("textbox", { name: "Mật khẩu" }).fill(PASSWORD);
  await expectAccessible(page, "1-setup");
  await page.getByRole("button", { name: "Tạo tài khoản" }).click();
  await expect(page).toHaveURL(/\/overview/);
  await expect(page.getByRole("button", { name: NAME })).toBeVisible();
});

test("signing out leads to sign-in, and sign-in back to the page", async () => {
  await page.getByRole("button", { name: NAME }).click();
  await page.getByRole("menuitem", { name: "Đăng xuất" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto("/search?range=7d");
  await expect(page).toHaveURL(/\/sign-in\?return=/);
  await expectAccessible(page, "2-sign-in");
  await page.getByLabel("Tên đăng nhập").fill(USER);
  await page.getByRole("textbox", { name: "Mật khẩu" }).fill(PASSWORD);
  await page.getByRole("button", { name: "Đăng nhập", exact: true }).click();
  await expect(page).toHaveURL(/\/search\?range=7d/);
});

test("alerts arrive live while the queue is open", async () => {
  await page.getByRole("link", { name: "Cảnh báo" }).click();
  await expect(page.getByText("Trực tiếp", { exact: true })).toBeVisible();
  const before = await alertsInQueue();
  const loads: string[] = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest()) loads.push(request.url());
  });
  play = spawn(PLAY_COMMAND, { shell: true, stdio: "inherit" });
  await expect
    .poll(alertsInQueue, { timeout: FIRST_ALERT_MS, intervals: [250] })
    .toBeGreaterThan(before);
  await expect(alertRows().first()).toBeVisible();
  expect(loads, "the page was not loaded again").toEqual([]);
  await expect(page.getByRole("button", { name: /^Mới \d+/ })).toBeVisible();
});

test("one alert is opened, read and taken on, with the keyboard alone", async () => {
  await page.keyboard.press("j");
  const current = grid().locator('[data-current="true"]');
  await expect(current).toHaveCount(1);
  const title = (await current.getByRole("link").first().textContent()) ?? "";
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();

  const rule = page.getByRole("region", { name: "Luật đã khớp" });
  await expect(rule.getByLabel("Nội dung luật")).not.toBeEmpty();
  const flow = page.getByRole("region", { name: "Luồng" });
  await expect(flow.getByText("Bên khởi tạo")).toBeVisible();
  const events = page.getByRole("region", { name: /^Sự kiện/ });
  await expect(events.getByRole("row").nth(1)).toBeVisible();

  await events.getByRole("button", { name: "Hiện mọi trường" }).first().focus();
  await page.keyboard.press("Enter");
  await expect(events.getByText("event_id")).toBeVisible();

  await page.keyboard.press("a");
  const activity = page.getByRole("region", { name: "Hoạt động" });
  await expect(activity.getByText("nhận xử lý")).toBeVisible();
  await page.keyboard.press("m");
  await page.keyboard.type("Đã gọi cho quản trị máy chủ.");
  await page.keyboard.press("Control+Enter");
  await expect(activity.getByText("Đã gọi cho quản trị máy chủ.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expectAccessible(page, "3-alert");
});

test("the alert's events are found by search, with their histogram", async () => {
  const flow = page.getByRole("region", { name: "Luồng" });
  await flow.getByRole("link", { name: /^Tìm mọi sự kiện có (src|dst)/ }).first().click();
  await expect(page).toHaveURL(/\/search\?q=(src|dst)/);
  await expect(eventRows().first()).toBeVisible();
  const histogram = page.getByRole("img", { name: /Số sự kiện theo thời gian/ });
  await expect(histogram.locator("canvas")).toBeVisible();
  expect(Number(await histogram.getAttribute("data-total"))).toBeGreaterThan(0);

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const detail = page.getByRole("complementary", { name: "Chi tiết sự kiện" });
  await expect(detail.getByText("event_id")).toBeVisible();
  await expectAccessible(page, "4-search");
  await detail.getByRole("button", { name: /^Thêm vào truy vấn: proto/ }).click();
  await expect(page).toHaveURL(/proto/);
  await expect(eventRows().first()).toBeVisible();
});

test("an alert is closed with a reason, from the queue", async () => {
  await page.getByRole("link", { name: "Cảnh báo" }).click();
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("j");
  const current = grid().locator('[data-current="true"]');
  const id = await current.getAttribute("id");
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("2");
  await expect(page.getByRole("radio", { name: /Đúng nhưng vô hại/ })).toBeChecked();
  await page.keyboard.press("a");
  await expectAccessible(page, "5-close");
  await page.keyboard.press("Enter");
  await expect(page.locator(`[id="${id}"]`)).toHaveCount(0);

  // Taken back, once it says that it is done, and done again.
  await expect(page.getByText(/^Đã đóng 1 cảnh báo/)).toBeVisible();
  // A dialog that is still closing has the keys.
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("U");
  await expect(page.locator(`[id="${id}"]`)).toHaveCount(1);
  await page.locator(`[id="${id}"]`).getByRole("gridcell").nth(1).click();
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("2");
  await expect(page.getByRole("radio", { name: /Đúng nhưng vô hại/ })).toBeChecked();
  await page.keyboard.press("Enter");
  await expect(page.locator(`[id="${id}"]`)).toHaveCount(0);
  await page.getByRole("button", { name: /^Đã đóng/ }).click();
  await expect(page).toHaveURL(/status=open%2Cacknowledged%2Cclosed/);
  await expect(page.locator(`[id="${id}"]`)).toHaveCount(1);
  await expectAccessible(page, "5-queue");
});

test("an alert is opened, judged and left for the next with five keys", async () => {
  await page.goto("/alerts");
  await expect(alertRows().nth(1)).toBeVisible();
  await page.keyboard.press("j");
  let keys = 0;
  const press = (key: string) => {
    keys += 1;
    return page.keyboard.press(key);
  };
  await press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  const first = page.url();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await press("c");
  await expect(page.getByRole("dialog")).toBeVisible();
  await press("3");
  await press("a");
  await press("Enter");
  await expect(page).not.toHaveURL(first);
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  expect(keys).toBeLessThanOrEqual(5);
});

test("groups, and one deed on all that match", async () => {
  await page.goto("/alerts");
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("b");
  await expect(page.getByRole("grid", { name: "Nhóm cảnh báo" }).getByRole("row").nth(1)).toBeVisible();
  await expectAccessible(page, "5-groups");
  for (let left = 0; left < 4; left += 1) await page.keyboard.press("b");
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("X");
  await page.keyboard.press("t");
  await page.getByRole("combobox", { name: "Nhãn" }).fill("ca đêm");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText(/^Đã đổi nhãn \d+ cảnh báo/)).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("U");
  await expect(page.getByText(/^Đã khôi phục \d+ cảnh báo/)).toBeVisible();
});

/** Changes something as the page does, for what this story is not about. */
const change = (path: string, body: object) =>
  page.evaluate(
    async ([to, text]) => {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(to, { method: "POST", headers, body: text });
      if (!answer.ok) throw new Error(`${to}: ${await answer.text()}`);
      return answer.status === 204 ? {} : await answer.json();
    },
    [path, JSON.stringify(body)] as const,
  );

test("what an alert tells of in vain is excepted, after a look at what that would have hidden", async () => {
  // To change what a rule raises takes a second factor.
  await change("/api/v1/session/confirm", { password: PASSWORD });
  const { secret } = await change("/api/v1/account/totp", {});
  await change("/api/v1/account/totp/confirm", { code: appCode(secret, Date.now()) });
  await page.goto("/alerts");
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  // The queue has a heading, too: the alert's page is there once its button is.
  await expect(page.getByRole("button", { name: /^Ngoại lệ…/ })).toBeVisible();
  const title = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
  await page.keyboard.press("e");
  const asked = page.getByRole("dialog", { name: "Tạo ngoại lệ từ cảnh báo" });
  const make = asked.getByRole("button", { name: "Tạo ngoại lệ" });
  await asked.getByRole("textbox", { name: /^Giải thích/ }).fill("Máy quét của Trung tâm");
  await expect(make).toBeDisabled();
  await asked.getByRole("button", { name: "Xem trước" }).click();
  await expect(asked.getByText(/^Trúng [1-9]/)).toBeVisible();
  await expectAccessible(page, "6-exception");
  await make.click();
  await expect(page.getByText(/^Đã tạo ngoại lệ/)).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByText("Nếu cảnh báo này đến bây giờ, ngoại lệ sẽ áp dụng.")).toBeVisible();

  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await expect(page).toHaveURL(/\/alerts\/exceptions$/);
  await page.getByRole("button", { name: title }).click();
  const panel = page.getByRole("complementary", { name: title });
  await expect(panel.getByText("Máy quét của Trung tâm")).toBeVisible();
  await expectAccessible(page, "6-exceptions");
  await panel.getByRole("button", { name: "Kết thúc…" }).click();
  const ending = page.getByRole("dialog", { name: "Kết thúc…" });
  await ending.getByRole("textbox", { name: /^Giải thích/ }).fill("Đã quét xong");
  await ending.getByRole("button", { name: "Kết thúc" }).click();
  await expect(panel.getByText("Đã quét xong")).toBeVisible();
});

test("a shift is handed over, and what changed since the last visit is one click away", async () => {
  await page.goto("/notices");
  await page.getByRole("button", { name: "Thêm các quy tắc thường dùng" }).click();
  await expect(page.getByRole("row", { name: /Bàn giao ca/ })).toBeVisible();
  await expectAccessible(page, "6-notices");
  await page.getByRole("button", { name: "Thông báo" }).click();
  await expect(page.getByRole("dialog", { name: "Thông báo" })).toBeVisible();
  await page.keyboard.press("Escape");

  await page.goto("/alerts");
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Theo dõi…" }).click();
  const asked = page.getByRole("dialog", { name: "Theo dõi…" });
  await asked.getByRole("textbox", { name: "Lý do" }).fill("Chờ đơn vị trả lời");
  await asked.getByRole("button", { name: "Theo dõi" }).click();
  await expect(page.getByRole("button", { name: "Thôi theo dõi" })).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);

  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page).toHaveURL(/\/alerts\/handover$/);
  await expect(page.getByRole("row", { name: /Chờ đơn vị trả lời/ })).toBeVisible();
  await expectAccessible(page, "7-handovers");
  await page.getByRole("button", { name: "Bắt đầu bàn giao" }).click();
  await expect(page).toHaveURL(/\/alerts\/handover\/\d+$/);
  const watched = page.getByRole("region", { name: "Danh sách theo dõi" });
  await expect(watched.getByText("Chờ đơn vị trả lời")).toBeVisible();
  await page.getByRole("textbox", { name: "Điều trưởng ca sau cần biết" }).fill("Để ý VPN của Sở Y tế");
  await expectAccessible(page, "8-draft");
  await page.getByRole("button", { name: "Giao ca" }).click();
  await page.getByRole("dialog", { name: "Giao ca" }).getByRole("button", { name: "Giao ca" }).click();
  await expect(page.getByText("Chờ trưởng ca sau nhận", { exact: true })).toBeVisible();
  await expect(page.getByText("Để ý VPN của Sở Y tế")).toBeVisible();
  // Who handed over does not take over himself.
  await expect(page.getByRole("button", { name: "Nhận ca" })).toHaveCount(0);
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("navigation")).toBeHidden();
  await expect(watched).toBeVisible();
  await page.emulateMedia({ media: null });
  await expectAccessible(page, "9-handed");

  await page.goto("/alerts");
  await page.getByRole("link", { name: /^Từ lần trước tôi vào/ }).click();
  await expect(page).toHaveURL(/changed_from=/);
  await expect(alertRows().first()).toBeVisible();
});

test("health names the parts and the sensors", async () => {
  await page.getByRole("link", { name: "Hệ thống", exact: true }).click();
  await expect(page.getByRole("region", { name: "Thành phần" }).getByRole("row")).not.toHaveCount(1);
  await expectAccessible(page, "10-health");
});

test("language and theme are switched, and stay so", async () => {
  await page.getByRole("button", { name: NAME }).click();
  await page.getByText("English", { exact: true }).click();
  await expect(page.getByRole("heading", { name: "Health and sensors" })).toBeVisible();
  await page.getByText("Dark", { exact: true }).click();
  const html = page.locator("html");
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.reload();
  await expect(html).toHaveAttribute("lang", "en");
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
  await expect(page.getByRole("link", { name: "Alerts" })).toBeVisible();
  await page.screenshot({ path: "test-results/11-english-dark.png" });
});

test("no page in either theme does what the content security policy forbids", async () => {
  await page.goto("/alerts");
  await expect(alertRows().first()).toBeVisible();
  await page.keyboard.press("j");
  await expect(grid().locator('[data-current="true"]')).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/alerts\/[0-9a-f]{32}$/);
  const alert = new URL(page.url()).pathname;
  const pages = ["/overview", "/wall", "/alerts", alert, "/search?range=7d", "/entity/address/192.0.2.1"];
  for (const theme of ["light", "dark"]) {
    await page.evaluate((chosen) => localStorage.setItem("vonggac-theme", chosen), theme);
    const more = ["/health", "/account", "/notices", "/alerts/handover", "/alerts/exceptions"];
    const rooms = ["/admin/people", "/admin/organisations", "/admin/sensors", "/admin/services"];
    for (const path of [...pages, ...more, ...rooms]) {
      await page.goto(path);
      await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", theme);
      await expect(page.getByRole("main")).not.toBeEmpty();
    }
  }
});
