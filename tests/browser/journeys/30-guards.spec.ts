/** What a browser is to do and not to do, whatever the journey; `docs/asvs.md` names these. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { question } from "./capture";
import { deployment, play, sql } from "./deployment";
import { at, HOA, KHANH, LAN, MINH, QUEN, stranger } from "./people";

const ARRIVAL_MS = 60_000;
/** Choices of how the pages look and which keys they have, and when somebody was last there. */
const KEPT = ["vonggac-active", "vonggac-keys", "vonggac-language", "vonggac-theme"];

test("a password is hidden, may be pasted, and is known to password managers", async ({ browser }) => {
  const { page, watch } = await stranger(browser);
  await page.goto("/sign-in");
  const [user, password] = [page.getByLabel("Tên đăng nhập"), page.locator('[name="password"]')];
  await expect(password).toHaveAttribute("type", "password");
  await expect(password).toHaveAttribute("autocomplete", "current-password");
  await expect(user).toHaveAttribute("autocomplete", "username");
  await user.fill("chép từ nơi khác");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+C");
  await password.focus();
  await page.keyboard.press("Control+V");
  await expect(password).toHaveValue("chép từ nơi khác");
  watch.expectSilence();
  await page.context().close();

  const own = await at(browser, LAN);
  await own.page.goto("/account");
  for (const [label, kind] of [
    ["Mật khẩu hiện tại", "current-password"],
    ["Mật khẩu mới", "new-password"],
  ] as const) {
    const field = own.page.getByRole("textbox", { name: label });
    await expect(field).toHaveAttribute("type", "password");
    await expect(field).toHaveAttribute("autocomplete", kind);
  }
  await own.page.context().close();
});

test("what came by the wire is shown as the text that it is", async ({ browser }) => {
  const name = `<img src=x onerror=window.hit=1>.w${Date.now().toString(36)}.example`;
  const of = { atMs: Date.now() - 60_000, src: "10.70.0.7", dst: "192.0.2.70" };
  await play([question(name, of)], { organisation: "vn", rules: "" });
  const { page, watch } = await at(browser, LAN);
  await page.goto("/search?q=src%3A10.70.0.7&class=dns");
  const row = page.locator('[role="row"][id^="event-"]').first();
  await expect(async () => {
    await page.reload();
    await expect(row).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: ARRIVAL_MS });
  await expect(row).toContainText("<img src=x");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("complementary")).toContainText("<img src=x");
  await page.goto("/entity/address/10.70.0.7");
  await expect(page.getByRole("main")).toContainText("<img src=x");
  await expect(page.locator('img[src="x"]')).toHaveCount(0);
  expect(await page.evaluate(() => "hit" in window)).toBe(false);
  watch.expectSilence();
  await page.context().close();
});

test("a browser keeps nothing but how the pages look", async ({ browser }) => {
  const { page, watch } = await at(browser, LAN);
  for (const path of ["/overview", "/alerts", "/search", "/account", "/admin/people"]) {
    await page.goto(path);
    await expect(page.getByRole("main")).not.toBeEmpty();
  }
  const kept = await page.evaluate(async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).map(({ name }) => name),
    cookies: document.cookie,
  }));
  expect(kept.local.filter((key) => !KEPT.includes(key))).toEqual([]);
  expect({ ...kept, local: [] }).toEqual({ local: [], session: [], databases: [], cookies: "" });
  watch.expectSilence();
  await page.context().close();
});

test("each sign-in is written down with its factor", async () => {
  const lines = await sql(
    `SELECT convert_from(content, 'UTF8') FROM audit_entry WHERE action = 'session.open' ORDER BY seq`,
  );
  const entries = lines.map((line) => JSON.parse(line));
  const factors = (who: string, result: string) =>
    entries
      .filter(({ actor, result: ended }) => actor.name === who && ended === result)
      .map(({ detail }) => detail.factor ?? "password alone");
  expect(factors(HOA.user, "done")).toEqual(
    expect.arrayContaining(["password alone", "totp", "passkey"]),
  );
  expect(factors(MINH.user, "done")).toEqual(["password alone"]);
  // A code that was used already, and passwords that were wrong.
  expect(factors(HOA.user, "refused").length).toBeGreaterThanOrEqual(1);
  expect(factors(QUEN.user, "refused").length).toBeGreaterThanOrEqual(5);
});

test("no password, key of an app or session stands in what the parts write to their logs", () => {
  const folder = join(deployment.data, "log");
  const said = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  expect(said.length).toBeGreaterThan(1_000);
  const kept = (name: string) => readFileSync(join(deployment.scratch, name), "utf8");
  const people = [LAN, MINH, HOA, KHANH, QUEN];
  const sessions = people.flatMap(({ user }) =>
    (JSON.parse(kept(`${user}.session.json`)).cookies as { value: string }[]).map(({ value }) => value),
  );
  const apps = [LAN, HOA, KHANH].map(({ user }) => kept(`${user}.app`));
  const secrets = [...people.map(({ password }) => password), ...sessions, ...apps, "sai mật khẩu"];
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
});
