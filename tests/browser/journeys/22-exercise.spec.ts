/** A drill is a room of its own: who takes part works in it under a banner, and nothing of it is where real work is, nor the other way round. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { marked, pcap, rulesFor } from "./capture";
import { deployment, scratch, sql, vonggac } from "./deployment";
import { expectWellShown } from "./looks";
import { appOf, at, call, HOA, HUONG, LAN, MINH, PROVINCE } from "./people";

test.describe.configure({ mode: "serial" });

const MARK = { sid: 9_990_022, word: "drill", title: "Journey 22: only a drill" };
const NAME = "Diễn tập thực chiến: mã độc tống tiền";
const ARRIVAL_MS = 60_000;

/** What stands in front of its paths. */
let room: string;
let number: string;

const alertRows = (page: Page) => page.locator('[role="row"][id^="alert-"]');
const banner = (page: Page) => page.getByRole("complementary", { name: "Diễn tập" });

/** The owner's settings for sensors, without the key by which his own are enrolled. */
function settings(): string {
  const file = scratch("drill.toml");
  const lines = readFileSync(deployment.client_settings, "utf8").split("\n");
  writeFileSync(file, lines.filter((line) => !line.startsWith("sensor_key")).join("\n"));
  return file;
}

/** A sensor that is enrolled in the exercise reads one datagram of the drill. */
async function drill(token: string): Promise<void> {
  const files = { token: scratch("drill.token"), credential: scratch("drill.json") };
  writeFileSync(files.token, token, { mode: 0o600 });
  const enrolled = ["--token-file", files.token, "--credential", files.credential];
  await vonggac("sensor", "enrol", "--console", deployment.url, ...enrolled);
  const [capture, rules] = [scratch("drill.pcap"), scratch("drill.rules")];
  const of = { atMs: Date.now() - 30_000, src: "10.220.0.22", dst: "192.0.2.220" };
  writeFileSync(capture, pcap([marked(MARK, of)]));
  writeFileSync(rules, rulesFor(MARK));
  const told = ["--config", settings(), "--credential", files.credential];
  await vonggac("sensor", ...told, "--read", capture, "--rules", rules, "--spool", scratch("spool-drill"));
}

test("its director makes it, invites a province, adds a sensor and starts it", async ({ browser }) => {
  const { page, watch } = await at(browser, HUONG);
  await page.goto("/");
  await expect(page).toHaveURL(/\/exercises/);
  await page.getByRole("button", { name: "Lập cuộc diễn tập" }).click();
  const asked = page.getByRole("dialog", { name: "Lập cuộc diễn tập" });
  await asked.getByLabel("Tên", { exact: true }).fill(NAME);
  await asked.getByRole("button", { name: "Lập", exact: true }).click();
  const panel = page.getByRole("complementary", { name: NAME });
  await expect(panel.getByText("Đang chuẩn bị")).toBeVisible();
  number = new URL(page.url()).searchParams.get("exercise") ?? "";
  room = `/exercise/${number}`;

  await panel.getByRole("combobox", { name: "Mời đơn vị" }).fill("thanh hoa");
  await expect(page.getByRole("option", { name: PROVINCE.name })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await panel.getByRole("button", { name: "Mời", exact: true }).click();
  await expect(panel.getByText(PROVINCE.name)).toBeVisible();
  await expectWellShown(page, "22-exercises", () => expect(panel.getByText(number)).toBeVisible());

  // A while ago it was seen that it is she.
  await call(page, "POST", "/api/v1/session/confirm", { code: await appOf(HUONG).next() });
  const wanted = { name: "range-22", organisation: "vn", note: "" };
  const made = await call(page, "POST", `/api/v1/sensors?exercise=${number}`, wanted);
  await drill(made.token.token);
  await page.goto(`/exercises?exercise=${number}`);
  await panel.getByRole("button", { name: "Bắt đầu" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Bắt đầu" }).click();
  await expect(panel.getByText("Đang diễn ra")).toBeVisible();
  watch.expectSilence();
  await page.context().close();
});

test("who takes part finds it, and works in it under its banner", async ({ browser }) => {
  const { page, watch } = await at(browser, MINH);
  await page.goto("/alerts?status=open%2Cacknowledged%2Cclosed");
  await expect(alertRows(page)).toHaveCount(1);
  await expect(page.getByText(MARK.title)).toHaveCount(0);
  await page.getByRole("link", { name: "Diễn tập" }).click();
  await page.getByRole("button", { name: NAME }).click();
  await page.getByRole("link", { name: "Vào diễn tập" }).click();
  await expect(page).toHaveURL(new RegExp(`${room}/alerts`));
  await expect(banner(page)).toContainText(NAME);
  await expect(alertRows(page)).toHaveCount(1, { timeout: ARRIVAL_MS });
  await expectWellShown(page, "22-queue", () => expect(page.getByText(MARK.title)).toBeVisible());

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`${room}/alerts/[0-9a-f]{32}$`));
  await expect(page.getByRole("heading", { level: 1, name: MARK.title })).toBeVisible();
  await page.keyboard.press("a");
  await expect(page.getByRole("region", { name: "Hoạt động" }).getByText("nhận xử lý")).toBeVisible();
  await expect(page.getByRole("region", { name: /^Sự kiện/ }).getByRole("row").nth(1)).toBeVisible();
  for (const path of ["/overview", "/search?range=7d", "/wall", "/account"]) {
    await page.goto(`${room}${path}`);
    await expect(banner(page)).toContainText(NAME);
  }
  // Of everything else there is nothing within.
  await expect(page.getByRole("link", { name: "Quản trị" })).toHaveCount(0);
  await banner(page).getByRole("link", { name: "Rời diễn tập" }).click();
  await expect(page).toHaveURL(/\/exercises$/);
  await expect(banner(page)).toHaveCount(0);
  watch.expectSilence();
  await page.context().close();
});

test("nothing of it is in real work, and who does not take part finds no such room", async ({ browser }) => {
  const { page, watch } = await at(browser, LAN);
  await page.goto("/alerts");
  const mark = encodeURIComponent(MARK.title);
  const real = await call(page, "GET", `/api/v1/alerts?q=${mark}&status=open,acknowledged,closed`);
  expect(real.total).toBe(0);
  const events = await call(page, "GET", "/api/v1/events?q=src:10.220.0.22");
  expect(events.total).toBe(0);
  const sensors = await call(page, "GET", "/api/v1/health");
  expect(sensors.sensors.map((one: { sensor: string }) => one.sensor)).not.toContain("range-22");
  expect(await sql(`SELECT count(*) FROM notice n JOIN alert a ON a.id = n.alert_id WHERE a.exercise_id <> 0`)).toEqual(["0"]);
  watch.expectSilence();
  await page.context().close();

  const other = await at(browser, HOA);
  other.watch.expects(404, /^\/api\/v1\/exercises\//);
  await other.page.goto(`${room}/alerts`);
  await expect(other.page.getByText("Không có cuộc diễn tập này")).toBeVisible();
  other.watch.expectSilence();
  await other.page.context().close();
});

test("once it has ended it is only looked at", async ({ browser }) => {
  const director = await at(browser, HUONG);
  await director.page.goto(`/exercises?exercise=${number}`);
  await director.page.getByRole("button", { name: "Kết thúc" }).click();
  await director.page.getByRole("dialog").getByRole("button", { name: "Kết thúc" }).click();
  await expect(director.page.getByRole("complementary", { name: NAME }).getByText("Đã kết thúc")).toBeVisible();
  director.watch.expectSilence();
  await director.page.context().close();

  const { page, watch } = await at(browser, MINH);
  await page.goto(`${room}/alerts?status=open%2Cacknowledged%2Cclosed`);
  await expect(banner(page)).toContainText("chỉ xem được");
  await alertRows(page).getByRole("link", { name: MARK.title }).click();
  await expect(page.getByRole("heading", { level: 1, name: MARK.title })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Đóng/ })).toHaveCount(0);
  const id = page.url().split("/").at(-1);
  watch.expects(409, /\/reopen$/);
  const late = await page.evaluate(
    async (path) => (await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" } })).status,
    `/api/v1/alerts/${id}/reopen?exercise=${number}`,
  );
  expect(late).toBe(409);
  watch.expectSilence();
  await page.context().close();
});
