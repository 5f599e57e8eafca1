/** Journey 1: password and code, then a passkey; what is refused says the same to everybody; sessions are listed and ended. */
import { expect, type Page, test } from "@playwright/test";
import type { Watch } from "../watch";
import { Hands } from "./hands";
import { expectWellShown } from "./looks";
import {
  addApp,
  appOf,
  at,
  HOA,
  keepSession,
  QUEN,
  stranger,
  tryPassword,
} from "./people";

test.describe.configure({ mode: "serial" });

const FAILURES = 5;

let page: Page;
let watch: Watch;
/** The code that let her in. */
let used: string;

test.beforeAll(async ({ browser }) => {
  ({ page, watch } = await at(browser, HOA));
});
test.afterAll(() => page?.context().close());
test.afterEach(() => watch.expectSilence());

async function signOut(from: Page): Promise<void> {
  await from.getByRole("button", { name: HOA.name }).click();
  await from.getByRole("menuitem", { name: "Đăng xuất" }).click();
  await expect(from).toHaveURL(/\/sign-in/);
}

test("password and code let in, by keyboard alone", async () => {
  await addApp(page, HOA);
  await signOut(page);
  await expect(page.getByLabel("Tên đăng nhập")).toBeFocused();
  await page.keyboard.type(HOA.user);
  await page.keyboard.press("Tab");
  await page.keyboard.type(HOA.password);
  await page.keyboard.press("Enter");
  const code = page.getByLabel("Mã xác thực");
  await expect(code).toBeFocused();
  used = await appOf(HOA).next();
  await page.keyboard.type(used);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: HOA.name })).toBeVisible();
});

test("a code counts once: in another browser it is refused", async ({ browser }) => {
  const other = await stranger(browser);
  other.watch.expects(403, /^\/api\/v1\/session\/factor$/);
  other.watch.expects(400, /^\/api\/v1\/session\/factor$/);
  await other.page.goto("/sign-in");
  await tryPassword(other.page, HOA.user, HOA.password);
  await other.page.getByLabel("Mã xác thực").fill(used);
  await other.page.getByRole("button", { name: "Đăng nhập", exact: true }).click();
  await expect(other.page.getByText("Mã không đúng hoặc đã được dùng.")).toBeVisible();
  await expect(other.page).toHaveURL(/\/sign-in/);
  other.watch.expectSilence();
  await other.page.context().close();
});

test("a passkey signs in by itself", async () => {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.goto("/account");
  await page.getByRole("textbox", { name: "Tên của khóa" }).fill("Máy ở cơ quan");
  await page.getByRole("button", { name: "Thêm khóa truy cập" }).click();
  const list = page.getByRole("list", { name: "Khóa truy cập (passkey)" });
  await expect(list.getByText("Máy ở cơ quan")).toBeVisible();
  await signOut(page);
  const hands = new Hands(page);
  await hands.click(page.getByRole("button", { name: "Đăng nhập bằng khóa truy cập" }));
  await expect(page.getByRole("button", { name: HOA.name })).toBeVisible();
  expect(hands.clicks).toBe(1);
  await keepSession(page, HOA);
});

test("five failures say the same, whether or not there is such a name", async ({ browser }) => {
  const said: string[][] = [];
  for (const user of [QUEN.user, "khong.co.ai@example.vn"]) {
    const { page: own, watch: silence } = await stranger(browser);
    silence.expects(429, /^\/api\/v1\/session$/);
    await own.goto("/sign-in");
    const answers: string[] = [];
    for (let failure = 0; failure <= FAILURES; failure += 1) {
      const answered = own.waitForResponse(
        (answer) => answer.request().method() === "POST" && answer.url().endsWith("/api/v1/session"),
      );
      await tryPassword(own, user, `sai mật khẩu lần ${failure}`);
      await answered;
      const alert = own.getByRole("alert");
      await expect(alert).toBeVisible();
      answers.push(((await alert.textContent()) ?? "").replaceAll(/\d+/g, "#"));
    }
    said.push(answers);
    silence.expectSilence();
    await own.context().close();
  }
  expect(said[0]).toEqual(said[1]);
  expect(said[0]?.at(-1), "the last is refused for another reason").not.toBe(said[0]?.[0]);
});

test("sessions are listed, and the others ended with three clicks", async ({ browser }) => {
  const other = await stranger(browser);
  await other.page.goto("/sign-in");
  await tryPassword(other.page, HOA.user, HOA.password);
  await other.page.getByLabel("Mã xác thực").fill(await appOf(HOA).next());
  await other.page.getByRole("button", { name: "Đăng nhập", exact: true }).click();
  await expect(other.page.getByRole("button", { name: HOA.name })).toBeVisible();

  const hands = new Hands(page);
  await hands.click(page.getByRole("button", { name: HOA.name }));
  await hands.click(page.getByRole("menuitem", { name: "Phiên đăng nhập…" }));
  const dialog = page.getByRole("dialog", { name: "Phiên đăng nhập" });
  await expect(dialog.getByRole("row").nth(2)).toBeVisible();
  await hands.click(dialog.getByRole("button", { name: "Đăng xuất mọi phiên khác" }));
  await expect(dialog.getByText("Không có phiên nào khác.")).toBeVisible();
  expect(hands.clicks).toBeLessThanOrEqual(3);
  // The other browser is shown the door, without being asked to reload.
  other.watch.expects(401, /^\/api\//);
  await other.page.getByRole("link", { name: "Tổng quan" }).click();
  await expect(other.page).toHaveURL(/\/sign-in/);
  await other.page.context().close();
  await page.keyboard.press("Escape");
});

test("the page of one's sign-in is well shown", async () => {
  await page.goto("/account");
  await expectWellShown(page, "01-account", () =>
    expect(page.getByText("Máy ở cơ quan")).toBeVisible(),
  );
});
