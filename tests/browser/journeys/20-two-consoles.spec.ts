/** Two consoles on one database: what is done at one is seen at the other within a second, and either goes on without the other. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { marked, ruleOf, rulesFor } from "./capture";
import { deployment, plainEnvironment, play, scratch } from "./deployment";
import { at, HOA, LAN } from "./people";

test.describe.configure({ mode: "serial" });

const SECOND = `http://localhost:${deployment.second_port}`;
const MARK = { sid: 9_990_020, word: "consoles", title: "Two consoles: an alert" };
const START_MS = 60_000;
const ARRIVAL_MS = 60_000;
const SEEN_MS = 1_000;
const ROUNDS = 3;
const QUEUE = `/alerts?rule=${encodeURIComponent(ruleOf(MARK))}&status=open%2Cacknowledged`;

let second: ChildProcess | undefined;

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/api/v1/setup`).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function startSecond(): Promise<void> {
  const secrets = join(deployment.data, "secrets");
  const own = ["--listen", `127.0.0.1:${deployment.second_port}`, "--audit-key", scratch("audit2.key")];
  const shared = ["--config", deployment.client_settings, "--secrets-key", join(secrets, "console.key")];
  const env = plainEnvironment();
  second = spawn(deployment.binary, ["console", ...shared, ...own], { stdio: "ignore", env });
  await expect.poll(() => answers(SECOND), { timeout: START_MS }).toBe(true);
}

test.beforeAll(startSecond);
test.afterAll(() => second?.kill());

const raise = (number: number) => {
  const of = { atMs: Date.now() - 5_000, src: `10.200.0.${number}`, dst: "192.0.2.200" };
  return play([marked(MARK, of)], { organisation: "vn", rules: rulesFor(MARK) });
};
const rows = (page: Page) => page.locator('[role="row"][id^="alert-"]');
const rowOf = (page: Page, number: number) => rows(page).filter({ hasText: `10.200.0.${number}` });

/** How long until the other page shows it, measured in that page, from before the deed. */
async function seenAfter(page: Page, sight: string, deed: () => Promise<void>): Promise<number> {
  const begun = Date.now();
  const seen = page
    .waitForFunction((text) => document.querySelector('[role="grid"]')?.textContent?.includes(text), sight)
    .then(() => Date.now() - begun);
  await Promise.all([seen, deed()]);
  return seen;
}

/** Takes the alert under the cursor, with a note, whoever has it. */
async function take(page: Page): Promise<void> {
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
}

async function ask(page: Page): Promise<void> {
  await page.keyboard.press("A");
  await expect(page.getByRole("dialog")).toBeVisible();
}

async function live(page: Page): Promise<void> {
  await page.goto(QUEUE);
  await expect(page.getByText("Trực tiếp", { exact: true })).toBeVisible();
}

test("what one does, the other's browser shows within a second", async ({ browser }) => {
  await raise(1);
  const lan = await at(browser, LAN);
  const hoa = await at(browser, HOA, SECOND);
  await live(lan.page);
  await live(hoa.page);
  await expect(rowOf(lan.page, 1)).toBeVisible({ timeout: ARRIVAL_MS });
  await expect(rowOf(hoa.page, 1)).toBeVisible();
  await lan.page.keyboard.press("j");
  await hoa.page.keyboard.press("j");
  // Each takes it from the other, in turn.
  const seen: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    await ask(lan.page);
    seen[0]?.push(await seenAfter(hoa.page, LAN.name, () => take(lan.page)));
    await ask(hoa.page);
    seen[1]?.push(await seenAfter(lan.page, HOA.name, () => take(hoa.page)));
  }
  const [there, back] = seen;
  console.log(`two consoles: seen at the second after ${there} ms, at the first after ${back} ms`);
  expect(Math.max(...(there ?? []))).toBeLessThanOrEqual(SEEN_MS);
  expect(Math.max(...(back ?? []))).toBeLessThanOrEqual(SEEN_MS);
  lan.watch.expectSilence();
  hoa.watch.expectSilence();
  await lan.page.context().close();
  await hoa.page.context().close();
});

/** Alerts come, and are worked on. */
async function goesOn(page: Page, number: number): Promise<void> {
  await raise(number);
  await expect(rowOf(page, number)).toBeVisible({ timeout: ARRIVAL_MS });
  await rowOf(page, number).getByRole("gridcell").nth(1).click();
  await page.keyboard.press("a");
  await expect(rowOf(page, number).getByText("Đang xử lý")).toBeVisible();
}

test("with the second killed the first goes on", async ({ browser }) => {
  const { page } = await at(browser, LAN);
  await live(page);
  second?.kill("SIGKILL");
  await expect.poll(() => answers(SECOND)).toBe(false);
  await goesOn(page, 2);
  await page.context().close();
  await startSecond();
});

test("with the first killed the second goes on, and the first's browsers come back by themselves", async ({
  browser,
}) => {
  const lan = await at(browser, LAN);
  const hoa = await at(browser, HOA, SECOND);
  await live(lan.page);
  await live(hoa.page);
  const status = JSON.parse(readFileSync(join(deployment.data, "status.json"), "utf8"));
  process.kill(status.parts.console.process.pid, "SIGKILL");
  await expect.poll(() => answers(deployment.url), { intervals: [20] }).toBe(false);
  await goesOn(hoa.page, 3);
  // Nobody loads the page anew.
  await expect(rowOf(lan.page, 3).getByText("Đang xử lý")).toBeVisible({ timeout: START_MS });
  await expect(lan.page.getByText("Trực tiếp", { exact: true })).toBeVisible();
  await lan.page.context().close();
  await hoa.page.context().close();
});
