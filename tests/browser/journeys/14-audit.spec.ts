/** Journey 14: a row changed behind the console's back is named by `vonggac audit verify`; refusals are seen; an entry is proved in the page. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import type { Watch } from "../watch";
import { deployment, scratch, sql, tryVonggac } from "./deployment";
import { expectWellShown } from "./looks";
import { appOf, at, KHANH, LAN, QUEN } from "./people";

test.describe.configure({ mode: "serial" });

/** The console signs each minute; it may have begun one just now. */
const SIGNED_MS = 90_000;

let page: Page;
let watch: Watch;

test.beforeAll(async ({ browser }) => {
  ({ page, watch } = await at(browser, KHANH));
  // To take the log away one confirms who one is, when that is some minutes ago.
  watch.expects(403, /^\/api\/v1\/audit\/export$/);
});
test.afterAll(() => page?.context().close());
test.afterEach(() => watch.expectSilence());

const lines = () => page.locator('[role="row"][id^="entry-"]');

test("what was refused is seen, with who asked", async ({ browser }) => {
  // An analyst reads the log: there is no such page for him, and the log says that he tried.
  const other = await at(browser, QUEN);
  other.watch.expects(404, /^\/api\/v1\/audit/);
  await other.page.goto("/admin/audit");
  await expect(other.page.getByRole("main")).toBeVisible();
  await other.page.evaluate(() => fetch("/api/v1/audit").then((answer) => answer.status));
  await other.page.context().close();

  await page.goto("/admin/audit");
  await page.getByRole("button", { name: "Bị từ chối" }).click();
  await expect(page).toHaveURL(/result=refused/);
  const refused = lines().filter({ hasText: "access.refuse" }).filter({ hasText: QUEN.user });
  await expect(refused.first()).toBeVisible();
  // Failed sign-ins stand there, too.
  await expect(lines().filter({ hasText: "session.open" }).first()).toBeVisible();
  await expectWellShown(page, "14-refused", () => expect(lines().first()).toBeVisible());
});

test("an entry is proved in the page, by keyboard", async () => {
  await page.goto("/admin/audit?action=account.welcome");
  await expect(lines().first()).toBeVisible();
  await page.keyboard.press("j");
  const panel = page.getByRole("complementary", { name: /^Mục \d+/ });
  await expect(panel).toBeVisible();
  const prove = panel.getByRole("button", { name: "Chứng minh mục này" });
  await prove.focus();
  await page.keyboard.press("Enter");
  const verdict = panel.getByText("Đã chứng minh: mục này nằm trong nhật ký được khóa ký.");
  await expect(verdict).toBeVisible({ timeout: SIGNED_MS });
  await expect(panel.getByText("Dấu vân tay của khóa")).toBeVisible();
  await expectAccessible(page, "journeys/14-proved");
  await expectWellShown(page, "14-proof", () =>
    expect(page.getByRole("complementary")).toBeVisible(),
  );
});

async function exported(name: string): Promise<string> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Xuất" }).click();
  const confirm = page.getByRole("dialog", { name: "Xác nhận lại" });
  const asks = await confirm.waitFor({ timeout: 2_000 }).then(
    () => true,
    () => false,
  );
  if (asks) {
    await confirm.getByLabel("Mã xác thực").fill(await appOf(KHANH).next());
    await confirm.getByRole("button", { name: "Xác nhận" }).click();
  }
  const path = scratch(name);
  await (await download).saveAs(path);
  return path;
}

/** What only the database's owner can do: he takes the log's guards down for one change. */
const behindTheConsole = (change: string) =>
  sql(
    [
      "BEGIN",
      "ALTER TABLE audit_entry NO FORCE ROW LEVEL SECURITY",
      "ALTER TABLE audit_entry DISABLE TRIGGER USER",
      "GRANT UPDATE ON audit_entry TO CURRENT_USER",
      change,
      "REVOKE UPDATE ON audit_entry FROM CURRENT_USER",
      "ALTER TABLE audit_entry ENABLE TRIGGER USER",
      "ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY",
      "COMMIT",
    ].join("; "),
  );

/** The public keys of whoever has signed: this console, and a second one where there was one. */
function keys(): string {
  const own = join(deployment.data, "secrets", "audit.key.pub");
  const known = [own, scratch("audit2.key.pub")].filter((path) => existsSync(path));
  const file = scratch("audit.keys");
  writeFileSync(file, known.map((path) => readFileSync(path, "utf8")).join(""));
  return file;
}

const verify = (path: string) => tryVonggac("audit", "verify", path, "--key", keys());

test("the export is what was signed; with one row changed by the database's owner, that entry is named", async () => {
  await page.goto("/admin/audit");
  const good = await verify(await exported("good.jsonl"));
  expect(good, good.out).toMatchObject({ code: 0 });
  expect(good.out).toMatch(/\d+ entries/);

  // The log is to say that somebody else invited.
  const [seq] = await sql("SELECT min(seq) FROM audit_entry WHERE action = 'account.invite'");
  const rewrite = (from: string, to: string) =>
    behindTheConsole(
      `UPDATE audit_entry SET content = convert_to(replace(convert_from(content, 'UTF8'), '${from}', '${to}'), 'UTF8') WHERE seq = ${seq}`,
    );
  await rewrite(LAN.user, KHANH.user);
  try {
    const bad = await verify(await exported("bad.jsonl"));
    console.log(`audit verify: ${bad.out.trim()}`);
    expect(bad.code).not.toBe(0);
    expect(bad.out).toMatch(new RegExp(`entry ${seq}\\b`));
  } finally {
    await rewrite(KHANH.user, LAN.user);
  }
  const again = await verify(await exported("again.jsonl"));
  expect(again, again.out).toMatchObject({ code: 0 });
});
