/** Who is an analyst of one province alone finds nothing of others: on no page, by no search, in no count, at no address. */
import { expect, type Page, test } from "@playwright/test";
import { sql } from "./deployment";
import { expectWellShown } from "./looks";
import { at, call, LAN, MINH, PROVINCE } from "./people";

test.describe.configure({ mode: "serial" });

const PAGES = ["/overview", "/wall", "/alerts?status=open%2Cacknowledged%2Cclosed", "/search?range=7d"];
const ROOMS = ["/alerts/handover", "/alerts/exceptions", "/notices", "/admin/organisations", "/admin/sensors", "/health"];
/** Pages that are not his. */
const CLOSED = ["/admin/people", "/admin/services", "/admin/sign-in", "/admin/audit", "/admin/notifications"];
const NO_SUCH_ALERT = "/alerts/00000000000000000000000000000001";

let foreign: string[];

test.beforeAll(async () => {
  foreign = await sql(
    `SELECT encode(id, 'hex') FROM alert WHERE tenant <> '${PROVINCE.code}' ORDER BY detected_us LIMIT 2000`,
  );
  expect(foreign.length).toBeGreaterThan(100);
});

/** What the console answers while pages are shown. */
function listen(page: Page): string[] {
  const said: string[] = [];
  page.on("response", async (answer) => {
    const { pathname } = new URL(answer.url());
    if (!pathname.startsWith("/api/") || pathname.endsWith("/stream")) return;
    said.push(await answer.text().catch(() => ""));
  });
  return said;
}

const settled = async (page: Page) => {
  await expect(page.getByRole("main")).not.toBeEmpty();
  await page.waitForLoadState("networkidle").catch(() => undefined);
};

test("his pages tell of his province alone", async ({ browser }) => {
  const { page, watch } = await at(browser, MINH);
  const said = listen(page);
  for (const path of [...PAGES, ...ROOMS]) {
    await page.goto(path);
    await expect(page.getByRole("main")).not.toBeEmpty();
  }
  await page.goto("/alerts?status=open%2Cacknowledged%2Cclosed");
  await expect(page.locator('[role="row"][id^="alert-"]')).toHaveCount(1);
  const all = said.join("\n");
  expect(said.length).toBeGreaterThan(PAGES.length);
  expect(foreign.filter((id) => all.includes(id))).toEqual([]);
  for (const trace of ["Journey 3", "Journey 13", "10.30.0.", '"sample"', LAN.name]) {
    expect(all, trace).not.toContain(trace);
  }
  const counts = await call(page, "GET", "/api/v1/alerts/counts");
  const { open, acknowledged, closed } = counts.by_status;
  expect(open + acknowledged + closed).toBe(1);
  const groups = await call(page, "GET", "/api/v1/alerts/groups?by=rule");
  expect(groups.items).toHaveLength(1);
  watch.expectSilence();
  await page.context().close();
});

test("what is another's is as absent as what there is not, at every address", async ({ browser }) => {
  const { page, watch } = await at(browser, MINH);
  watch.expects(404, /^\/api\/v1\//);
  const shownAt = async (path: string) => {
    await page.goto(path);
    await settled(page);
    return (await page.getByRole("main").innerText()).replaceAll(/[0-9a-f]{32}/g, "ID");
  };
  const absent = await shownAt(NO_SUCH_ALERT);
  expect(absent).toContain("Không có cảnh báo này");
  expect(await shownAt(`/alerts/${foreign[0]}`)).toBe(absent);
  const raw = (id: string) =>
    page.evaluate(async (to) => {
      const answer = await fetch(to);
      return `${answer.status} ${await answer.text()}`.replaceAll(/"request":"[^"]*"/g, "");
    }, `/api/v1/alerts/${id}`);
  expect(await raw(foreign[0] ?? "")).toBe(await raw("0".repeat(31).concat("1")));
  // A search for another's by text, by address and by organisation.
  for (const query of ["q=Journey", "src=10.30.0.1", "organisation=vn", "organisation=an-giang"]) {
    const page_ = await call(page, "GET", `/api/v1/alerts?status=open,acknowledged,closed&${query}`);
    expect(page_.total, query).toBe(query === "q=Journey" ? 1 : 0);
  }
  for (const path of CLOSED) {
    await page.goto(path);
    await settled(page);
    await expect(page.getByRole("main"), path).toHaveText(/^Không có trang này/);
  }
  watch.expectSilence();
  await page.context().close();
});

test("his pages are well shown", async ({ browser }) => {
  const { page, watch } = await at(browser, MINH);
  watch.expects(404, /^\/api\/v1\//);
  await page.goto("/overview");
  await expectWellShown(page, "21-overview", () => settled(page));
  await page.goto(`/alerts/${foreign[0]}`);
  await expectWellShown(page, "21-absent", () => settled(page));
  watch.expectSilence();
  await page.context().close();
});
