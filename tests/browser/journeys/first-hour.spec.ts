/**
 * The first hour, as the README has it: one code, one administrator, the sample's alerts. Then a second person, in a second browser,
 * as an analyst of one province only. Whom the journeys need beside is invited here, too.
 */
import { expect, type Page, test } from "@playwright/test";
import type { Watch } from "../watch";
import { deployment, vonggac } from "./deployment";
import { expectWellShown } from "./looks";
import {
  addApp,
  arrive,
  HOA,
  HUONG,
  invite,
  KHANH,
  keepSession,
  LAN,
  MINH,
  PROVINCE,
  QUEN,
  stranger,
} from "./people";

test.describe.configure({ mode: "serial" });

/** The sample is ten minutes of traffic, read as fast as it goes. */
const SAMPLE_MS = 90_000;

let page: Page;
let watch: Watch;

test.beforeAll(async ({ browser }) => {
  ({ page, watch } = await stranger(browser));
});
test.afterAll(() => page?.context().close());
test.afterEach(() => watch.expectSilence());

test("one code makes one administrator, who has the sample's alerts", async () => {
  await page.goto(deployment.url);
  await expect(page).toHaveURL(/\/setup/);
  await page.getByLabel("Mã dùng một lần").fill(deployment.setup_code);
  await page.getByLabel("Họ và tên").fill(LAN.name);
  await page.getByLabel("Tên đăng nhập").fill(LAN.user);
  await page.getByRole("textbox", { name: "Mật khẩu" }).fill(LAN.password);
  await page.getByRole("button", { name: "Tạo tài khoản" }).click();
  await expect(page).toHaveURL(/\/overview/);
  await page.getByRole("link", { name: "Cảnh báo" }).click();
  const row = page.locator('[role="row"][id^="alert-"]').first();
  await expect(row).toBeVisible({ timeout: SAMPLE_MS });
});

test("the administrator adds an app for codes", async () => {
  await addApp(page, LAN);
  await keepSession(page, LAN);
  await expectWellShown(page, "00-account", () =>
    expect(page.getByRole("main").getByRole("button")).not.toHaveCount(0),
  );
});

test("a second person is invited, and comes in by a second browser as an analyst of one province", async ({
  browser,
}) => {
  await page.goto("/admin/people");
  await page.getByRole("button", { name: "Mời", exact: true }).click();
  const asked = page.getByRole("dialog", { name: "Mời" });
  await asked.getByLabel("Tên đăng nhập").fill(MINH.user);
  await asked.getByLabel("Họ và tên").fill(MINH.name);
  // A name is found without its marks, by keyboard alone.
  await asked.getByRole("combobox", { name: "Cơ quan" }).fill("thanh hoa");
  await expect(page.getByRole("option", { name: PROVINCE.name })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(asked.getByRole("combobox", { name: "Vai trò tại" })).toHaveValue(PROVINCE.name);
  await asked.getByRole("combobox", { name: "Vai trò", exact: true }).click();
  await page.getByRole("option", { name: "Phân tích viên", exact: true }).click();
  await asked.getByRole("button", { name: "Tạo lời mời" }).click();
  const given = page.getByRole("dialog", { name: `Liên kết cho ${MINH.name}` });
  const link = await given.getByRole("textbox", { name: "Liên kết" }).inputValue();
  await given.getByRole("button", { name: "Tôi đã chép liên kết" }).click();
  await expect(page.getByRole("complementary", { name: MINH.name })).toBeVisible();

  const second = await stranger(browser);
  await arrive(second.page, link, MINH);
  // Nothing of the nation's alerts; and of administration no page about people.
  await second.page.getByRole("link", { name: "Quản trị" }).click();
  await expect(second.page.getByRole("link", { name: "Cơ quan" })).toBeVisible();
  await expect(second.page.getByRole("link", { name: "Người dùng" })).toHaveCount(0);
  await second.page.getByRole("link", { name: "Cảnh báo" }).click();
  await expect(second.page.getByText("Chưa có cảnh báo nào")).toBeVisible();
  await keepSession(second.page, MINH);
  second.watch.expectSilence();
  await second.page.context().close();
});

test("the page of people is well shown", async () => {
  await expectWellShown(page, "00-people", () =>
    expect(page.getByRole("row").nth(1)).toBeVisible(),
  );
});

test("others are invited: the next lead, an auditor, a director of exercises, and one who forgets", async ({ browser }) => {
  const links = new Map([
    [HOA, await invite(page, HOA, "vn", ["shift-lead"])],
    [KHANH, await invite(page, KHANH, "vn", [])],
    [HUONG, await invite(page, HUONG, "vn", [])],
    [QUEN, await invite(page, QUEN, "vn", ["analyst"])],
  ]);
  for (const [person, link] of links) {
    const { page: own, watch: silence } = await stranger(browser);
    await arrive(own, `${deployment.url}${link}`, person);
    if (person === KHANH || person === HUONG) await addApp(own, person);
    await keepSession(own, person);
    silence.expectSilence();
    await own.context().close();
  }
  // Neither is somebody whom the administrator appoints alone; a link does not outlive what another gives.
  const database = ["--postgres", deployment.postgres_url, "--postgres-password-file", deployment.postgres_password_file];
  for (const given of [[KHANH.user, "auditor"], [HUONG.user, "exercise-director"]]) {
    await vonggac("membership", "grant", ...given, "vn", ...database);
  }
});
