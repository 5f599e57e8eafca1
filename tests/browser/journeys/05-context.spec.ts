/** Journey 5: before it is opened, an alert's row says how many like it there were and what they turned out to be. */
import { expect, test } from "@playwright/test";
import { marked, question, ruleOf, rulesFor } from "./capture";
import { play } from "./deployment";
import { Hands } from "./hands";
import { expectWellShown } from "./looks";
import { at, call, LAN, MINH, PROVINCE } from "./people";

test.describe.configure({ mode: "serial" });

const MARK = { sid: 9_990_005, word: "context", title: "Journey 5: known from before" };
const ARRIVAL_MS = 60_000;
/** Who does it, in the nation's network and in the province's. */
const SOURCE = "10.50.0.5";
const HOSTS = ["192.0.2.51", "192.0.2.52", "192.0.2.53"] as const;

test("a row tells of others like it and of their verdicts, and the way to the entity is one action", async ({
  browser,
}) => {
  const rules = rulesFor(MARK);
  const atMs = Date.now() - 100_000;
  const hits = HOSTS.map((dst) => marked(MARK, { atMs, src: SOURCE, dst }));
  await play([...hits, question("cong-van.example.vn", { atMs, src: SOURCE, dst: "192.0.2.53" })], {
    organisation: "vn",
    rules,
  });
  await play([marked(MARK, { atMs, src: SOURCE, dst: "192.0.2.59" })], {
    organisation: PROVINCE.code,
    rules,
  });

  const { page, watch } = await at(browser, LAN);
  await page.goto(`/alerts?rule=${encodeURIComponent(ruleOf(MARK))}`);
  const rows = page.locator('[role="row"][id^="alert-"]');
  await expect(rows).toHaveCount(4, { timeout: ARRIVAL_MS });
  const judged = rows.filter({ hasText: HOSTS[0] });
  await judged.getByRole("gridcell").nth(1).click();
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("3");
  await page.keyboard.press("Enter");
  await expect(rows).toHaveCount(3);
  await page.reload();
  const row = rows.first();
  await expect(row.getByText("3 cảnh báo khác cùng luật và cùng đối tượng")).toBeAttached();
  await expect(row.getByText("Nhầm: 1")).toBeAttached();

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const story = page.getByRole("list", { name: "Diễn biến quanh cảnh báo" });
  // The alert itself, and the others of that machine, the closed one too.
  await expect(story.getByRole("listitem")).toHaveCount(4);
  await expect(story.getByText("cùng luật")).toHaveCount(3);
  await page.goBack();

  const hands = new Hands(page);
  await hands.click(row.getByRole("link", { name: SOURCE }));
  await expect(page).toHaveURL(new RegExp(`/entity/address/${SOURCE}`));
  expect(hands.actions).toBe(1);
  const about = page.getByRole("table", { name: "Cảnh báo liên quan" });
  await expect(about.getByRole("row")).toHaveCount(4);
  await expectWellShown(page, "05-entity", () =>
    expect(page.getByRole("main").getByRole("table").first()).toBeVisible(),
  );
  watch.expectSilence();
  await page.context().close();
});

test("who sees one province alone has the same row with that province's numbers", async ({
  browser,
}) => {
  const { page, watch } = await at(browser, MINH);
  await page.goto(`/alerts?rule=${encodeURIComponent(ruleOf(MARK))}`);
  const rows = page.locator('[role="row"][id^="alert-"]');
  await expect(rows).toHaveCount(1, { timeout: ARRIVAL_MS });
  await expect(rows.first().getByText(/cảnh báo khác cùng luật/)).toHaveCount(0);
  await page.goto(`/entity/address/${SOURCE}`);
  const about = page.getByRole("table", { name: "Cảnh báo liên quan" });
  await expect(about.getByRole("row")).toHaveCount(1);
  // The nation's question and its hosts are not among what is seen beside.
  await expect(page.getByText("cong-van.example.vn")).toHaveCount(0);
  for (const host of HOSTS) await expect(page.getByText(host)).toHaveCount(0);
  const seen = await call(page, "GET", `/api/v1/entities/address?value=${SOURCE}`);
  expect(JSON.stringify(seen)).not.toContain("192.0.2.51");
  watch.expectSilence();
  await page.context().close();
});
