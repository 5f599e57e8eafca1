/** The people of the journeys: who they are, how they come in, and how they sign in with two factors. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, expect, type Page } from "@playwright/test";
import { appCode } from "../app-code";
import { Watch } from "../watch";
import { deployment, scratch } from "./deployment";

export interface Person {
  name: string;
  user: string;
  password: string;
}

/** Founded the deployment: manages the nation's organisation and leads its shift. */
export const LAN: Person = {
  name: "Nguyễn Thị Lan",
  user: "lan.nguyen@example.vn",
  password: "ruộng lúa xanh bên sông Hương",
};
/** An analyst of one province alone. */
export const MINH: Person = {
  name: "Trần Văn Minh",
  user: "minh.tran@example.vn",
  password: "cầu Hàm Rồng qua sông Mã chiều",
};
/** Leads the next shift. */
export const HOA: Person = {
  name: "Lê Thị Hoa",
  user: "hoa.le@example.vn",
  password: "mưa phùn phố cổ tháng giêng hai",
};
/** Reads the audit log. */
export const KHANH: Person = {
  name: "Phạm Quốc Khánh",
  user: "khanh.pham@example.vn",
  password: "gác chuông đồng ngân xa mười dặm",
};
/** Directs exercises. */
export const HUONG: Person = {
  name: "Đặng Thu Hương",
  user: "huong.dang@example.vn",
  password: "đèn kéo quân đêm rằm tháng tám",
};
/** Forgets the password. */
export const QUEN: Person = {
  name: "Vũ Đãng Trí",
  user: "quen.vu@example.vn",
  password: "chìa khóa để quên trên gác bếp",
};
export const PROVINCE = { code: "thanh-hoa", name: "Tỉnh Thanh Hóa" };

const WIDTH = 1366;
const HEIGHT = 768;
/** How long a code of an app counts. */
const STEP_MS = 30_000;

/** An app for one-time codes: it shows none twice, and looks half a minute back and ahead, as consoles allow. */
export class App {
  constructor(private readonly secret: string) {}

  /** The oldest code that still counts and was not given; waits for it where there is none yet. */
  async next(): Promise<string> {
    const now = Math.floor(Date.now() / STEP_MS);
    const step = Math.max(now - 1, this.last() + 1);
    // A little into the half minute: the console's clock is this one.
    const waitMs = (step - 1) * STEP_MS - Date.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs + 100));
    writeFileSync(this.file(), String(step));
    return appCode(this.secret, step * STEP_MS);
  }

  private last(): number {
    try {
      return Number(readFileSync(this.file(), "utf8"));
    } catch {
      return 0;
    }
  }

  private file(): string {
    return scratch(`app-${this.secret.slice(0, 8)}`);
  }
}

const kept = (person: Person, what: string) => scratch(`${person.user}.${what}`);

/** What a person's app knows. */
export const appOf = (person: Person): App => new App(readFileSync(kept(person, "app"), "utf8"));
export const keepApp = (person: Person, secret: string) =>
  writeFileSync(kept(person, "app"), secret);

/** What a browser keeps of when somebody was last there: a journey that begins later is no absence. */
const LAST_THERE = "vonggac-active";

/** Keeps the session, for journeys that begin signed in. */
export async function keepSession(page: Page, person: Person): Promise<void> {
  const state = await page.context().storageState();
  for (const origin of state.origins)
    origin.localStorage = origin.localStorage.filter(({ name }) => name !== LAST_THERE);
  writeFileSync(kept(person, "session.json"), JSON.stringify(state));
}

/** A browser of somebody's own. */
const newBrowser = (browser: Browser, more: BrowserContextOptions = {}) =>
  browser.newContext({
    viewport: { width: WIDTH, height: HEIGHT },
    locale: "vi-VN",
    colorScheme: "light",
    ...more,
  });

/** A page in a browser that has never been here, and what must stay silent there. */
export async function stranger(browser: Browser): Promise<{ page: Page; watch: Watch }> {
  const page = await (await newBrowser(browser)).newPage();
  return { page, watch: new Watch(page) };
}

/** Somebody's browser as he left it, signed in. */
export async function at(
  browser: Browser,
  person: Person,
  baseURL = deployment.url,
): Promise<{ page: Page; watch: Watch }> {
  const storageState = kept(person, "session.json");
  const context = await newBrowser(browser, { baseURL, storageState });
  const page = await context.newPage();
  return { page, watch: new Watch(page) };
}

/** Asks as the page does, for what a journey is not about; one that fails throws. */
export async function call(page: Page, method: string, path: string, body?: object) {
  return page.evaluate(
    async ([how, to, text]) => {
      const init: RequestInit = { method: how };
      if (text) Object.assign(init, { headers: { "Content-Type": "application/json" }, body: text });
      const answer = await fetch(to, init);
      if (!answer.ok) throw new Error(`${to}: ${answer.status} ${await answer.text()}`);
      return answer.status === 204 ? {} : await answer.json();
    },
    [method, path, body ? JSON.stringify(body) : ""] as const,
  );
}

/** Types name and password and sends them. */
export async function tryPassword(page: Page, user: string, password: string): Promise<void> {
  await page.getByLabel("Tên đăng nhập").fill(user);
  await page.getByRole("textbox", { name: "Mật khẩu" }).fill(password);
  await page.getByRole("button", { name: "Đăng nhập", exact: true }).click();
}

/** Adds an app at the account's page, as one does with a telephone in hand; the session is strong afterwards. */
export async function addApp(page: Page, person: Person): Promise<App> {
  await page.goto("/account");
  await page.getByRole("button", { name: "Thêm ứng dụng xác thực" }).click();
  const confirm = page.getByRole("dialog", { name: "Xác nhận lại" });
  const offer = page.getByRole("dialog", { name: "Thêm ứng dụng xác thực" });
  await expect(confirm.or(offer)).toBeVisible();
  if (await confirm.isVisible()) {
    await confirm.getByRole("textbox", { name: "Mật khẩu" }).fill(person.password);
    await confirm.getByRole("button", { name: "Xác nhận" }).click();
  }
  const shown = offer.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{1,4})+/);
  const secret = ((await shown.textContent()) ?? "").replaceAll(/[^A-Z2-7]/g, "");
  keepApp(person, secret);
  const app = appOf(person);
  await offer.getByLabel("Mã xác thực").fill(await app.next());
  await offer.getByRole("button", { name: "Bật xác thực hai bước" }).click();
  await page.getByRole("button", { name: "Tôi đã cất các mã" }).click();
  await expect(page.getByText("Còn 10 mã khôi phục.")).toBeVisible();
  return app;
}

/** Opens the link, chooses the password and signs in with it. */
export async function arrive(page: Page, link: string, person: Person): Promise<void> {
  await page.goto(link);
  await page.getByRole("textbox", { name: "Mật khẩu mới" }).fill(person.password);
  await page.getByRole("button", { name: "Đặt mật khẩu này" }).click();
  await page.getByRole("link", { name: "Đến trang đăng nhập" }).click();
  await tryPassword(page, person.user, person.password);
  await expect(page.getByRole("button", { name: person.name })).toBeVisible();
}

/** Invites somebody as the page does; gives the link. */
export async function invite(
  page: Page,
  person: Person,
  organisation: string,
  roles: readonly string[],
): Promise<string> {
  const memberships = roles.map((role) => ({ role, organisation }));
  const about = { user_name: person.user, display_name: person.name, language: "vi" };
  const made = await call(page, "POST", "/api/v1/accounts", {
    ...about,
    organisation,
    memberships,
  });
  return made.link.path as string;
}

/** Where pictures of a journey go. */
export const picture = (name: string) => join("test-results", "journeys", `${name}.png`);
