import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ConfirmDialog } from "../account/ConfirmDialog";
import type { OpenIdProvider, OpenIdProviders, Security } from "../api/client";
import { switchLanguage } from "../i18n";
import { leaveFor } from "../lib/leave";
import { parseSearch, pick, stringifySearch } from "../lib/search-params";
import { SignInPage } from "../session/SignInPage";
import { ProviderCard, type ProviderOutcome } from "./ProviderCard";
import { ProvidersPart } from "./ProvidersPart";

vi.mock("../lib/leave", () => ({ leaveFor: vi.fn() }));

const AWAY = "https://id.example/auth?state=x";
const OFFERED = [
  { id: "1", name: "Cổng định danh" },
  { id: "2", name: "GitLab" },
];
const SECURITY: Security = {
  can_have_factors: true,
  has_password: true,
  providers: [],
  is_strong: false,
  passkeys: 0,
  recovery_codes_left: 0,
};
const PROVIDER: OpenIdProvider = {
  id: "1",
  issuer: "https://id.example/realms/soc",
  name: "Cổng định danh",
  client_id: "vonggac",
  has_secret: true,
  scopes: ["openid"],
  is_on: true,
  strong_values: [],
  hosts: [],
  networks: [],
  certificates: "",
  links: 3,
  changed_at: "2026-11-21T10:00:00Z",
};
const SETTINGS: OpenIdProviders = {
  providers: [PROVIDER],
  redirect_uri: "https://soc.example/api/v1/openid/callback",
  can_keep_secret: true,
  may_change: true,
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.mocked(leaveFor).mockReset();
  switchLanguage("vi");
});

interface Asked {
  method: string;
  path: string;
  body: unknown;
}

/** Answers by method and path; what was asked beside what is only read. */
function serve(answers: Record<string, unknown>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    const text = request.method === "GET" ? "" : await request.clone().text();
    if (request.method !== "GET") {
      asked.push({ method: request.method, path, body: text ? JSON.parse(text) : null });
    }
    const answer = answers[`${request.method} ${path}`];
    if (answer instanceof Response) return answer.clone();
    return Response.json(answer ?? {}, { status: answer === undefined ? 500 : 200 });
  });
  return asked;
}

function show(children: ReactNode) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </MantineProvider>,
  );
}

function showSignIn(address: string) {
  const root = createRootRoute();
  const page = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    component: SignInPage,
    validateSearch: (search: Record<string, unknown>) =>
      pick(search, ["return", "problem", "provider", "step", "passkey"]),
  });
  const history = createMemoryHistory({ initialEntries: [address] });
  const routeTree = root.addChildren([page]);
  const router = createRouter({ routeTree, history, parseSearch, stringifySearch });
  show(<RouterProvider router={router as never} />);
}

it("leads from the sign-in page to the provider, and remembers where one wanted to be", async () => {
  const asked = serve({
    "GET /api/v1/openid/providers": OFFERED,
    "POST /api/v1/openid/sign-in": { url: AWAY },
  });
  showSignIn("/sign-in?return=%2Falerts");
  fireEvent.click(await screen.findByRole("button", { name: "Sign in with Cổng định danh" }));
  await waitFor(() => expect(leaveFor).toHaveBeenCalledWith(AWAY));
  expect(asked[0]?.body).toEqual({ provider: "1", return: "/alerts" });
  expect(screen.getByRole("button", { name: "Sign in with GitLab" })).toBeTruthy();
});

it("names the provider on its button in Vietnamese", async () => {
  switchLanguage("vi");
  serve({ "GET /api/v1/openid/providers": OFFERED });
  showSignIn("/sign-in");
  expect(await screen.findByRole("button", { name: "Đăng nhập bằng Cổng định danh" })).toBeTruthy();
});

it("says in its own words why a way to a provider came to nothing", async () => {
  serve({ "GET /api/v1/openid/providers": OFFERED });
  showSignIn("/sign-in?problem=unknown&provider=1");
  const alert = await screen.findByRole("alert");
  await waitFor(() => expect(alert.textContent).toContain("linked to you at Cổng định danh"));
});

it("tells an unknown problem without showing what the address holds", async () => {
  serve({ "GET /api/v1/openid/providers": OFFERED });
  showSignIn("/sign-in?problem=%3Cb%3ECall+0900&provider=9");
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("The answer of the identity provider is not valid");
  expect(document.body.textContent).not.toContain("0900");
});

it("asks for the second factor that is still owed", async () => {
  serve({ "GET /api/v1/openid/providers": OFFERED });
  showSignIn("/sign-in?step=factor&return=%2Falerts");
  expect(await screen.findByRole("heading", { name: "Enter the code" })).toBeTruthy();
});

function showCard(outcome: ProviderOutcome = {}) {
  const asked = serve({
    "GET /api/v1/openid/providers": OFFERED,
    "GET /api/v1/account/openid": [
      {
        id: "7",
        provider: "1",
        name: "Cổng định danh",
        is_on: true,
        linked_at: "2026-11-21T10:00:00Z",
        last_used_at: null,
      },
    ],
    "POST /api/v1/account/openid": { url: AWAY },
    "DELETE /api/v1/account/openid/7": new Response(null, { status: 204 }),
  });
  show(<ProviderCard security={SECURITY} outcome={outcome} />);
  return asked;
}

it("lists one's links, and links with another provider", async () => {
  const asked = showCard({ linked: "1" });
  const list = await screen.findByRole("list", { name: "Signing in with an identity provider" });
  expect(within(list).getByText("Cổng định danh")).toBeTruthy();
  expect(screen.getByRole("status").textContent).toBe("Linked with Cổng định danh.");
  expect(screen.queryByRole("button", { name: "Link with Cổng định danh" })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Link with GitLab" }));
  await waitFor(() => expect(leaveFor).toHaveBeenCalledWith(AWAY));
  fireEvent.click(screen.getByRole("button", { name: "Unlink Cổng định danh" }));
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "POST /api/v1/account/openid",
    "DELETE /api/v1/account/openid/7",
  ]);
});

it("says why the account was not linked", async () => {
  showCard({ problem: "taken", provider: "2" });
  expect((await screen.findByRole("alert")).textContent).toContain("at GitLab is linked");
});

it("confirms at the provider where there is no password", async () => {
  const asked = serve({ "POST /api/v1/openid/confirm": { url: AWAY } });
  const security = { ...SECURITY, has_password: false, providers: [{ id: "2", name: "GitLab" }] };
  show(<ConfirmDialog opened security={security} onClose={vi.fn()} onConfirmed={vi.fn()} />);
  fireEvent.click(await screen.findByRole("button", { name: "Confirm at GitLab" }));
  await waitFor(() => expect(leaveFor).toHaveBeenCalledWith(AWAY));
  expect(asked[0]?.body).toMatchObject({ provider: "2" });
  expect(screen.queryByLabelText("Password")).toBeNull();
});

it("confirms with the second factor where there is one, not at the provider", async () => {
  const security = { ...SECURITY, totp_since: "x", providers: [{ id: "2", name: "GitLab" }] };
  show(<ConfirmDialog opened security={security} onClose={vi.fn()} onConfirmed={vi.fn()} />);
  expect(await screen.findByRole("button", { name: "Confirm" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Confirm at GitLab" })).toBeNull();
});

const FOUND = {
  is_good: true,
  problem: null,
  found: {
    issuer: PROVIDER.issuer,
    authorization_endpoint: "https://id.example/auth",
    token_endpoint: "https://id.example/token",
    jwks_uri: "https://id.example/certs",
    algorithms: ["RS256", "ES256"],
    keys: 2,
    says_pkce: true,
    names_itself: false,
  },
};

function showSettings(settings: OpenIdProviders, answers: Record<string, unknown> = {}) {
  const asked = serve({
    "GET /api/v1/settings/openid": settings,
    "GET /api/v1/account/security": SECURITY,
    ...answers,
  });
  show(<ProvidersPart />);
  return asked;
}

it("keeps the secret unless another is typed", async () => {
  const asked = showSettings(SETTINGS, { "PUT /api/v1/settings/openid/1": SETTINGS });
  fireEvent.change(await screen.findByRole("textbox", { name: "Name shown" }), {
    target: { value: "Bộ Y tế" },
  });
  fireEvent.change(screen.getByRole("textbox", { name: "Internal networks that are allowed" }), {
    target: { value: "10.1.0.0/16\n10.2.0.0/16" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Save the provider" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]?.body).toEqual({
    name: "Bộ Y tế",
    client_id: "vonggac",
    scopes: ["openid"],
    is_on: true,
    strong_values: [],
    hosts: [],
    networks: ["10.1.0.0/16", "10.2.0.0/16"],
    certificates: "",
  });
  const redirect = screen.getByRole<HTMLTextAreaElement>("textbox", { name: /Redirect URI/ });
  expect(redirect.value).toBe(SETTINGS.redirect_uri);
});

it("shows what a test has found, and what was wrong", async () => {
  const path = "POST /api/v1/settings/openid/1/test";
  showSettings(SETTINGS, { [path]: FOUND });
  fireEvent.click(await screen.findByRole("button", { name: "Test Cổng định danh" }));
  expect(await screen.findByText("RS256, ES256")).toBeTruthy();
  serve({ [path]: { is_good: false, problem: "TLS failed: UnknownIssuer", found: null } });
  fireEvent.click(screen.getByRole("button", { name: "Test Cổng định danh" }));
  expect(await screen.findByText("TLS failed: UnknownIssuer")).toBeTruthy();
});

it("enters a new provider, and lays what is wrong at its field", async () => {
  const error = { code: "invalid", field: "issuer", message: "issuer is no such address" };
  const asked = showSettings(
    { ...SETTINGS, providers: [] },
    { "POST /api/v1/settings/openid": Response.json({ error }, { status: 400 }) },
  );
  fireEvent.click(await screen.findByRole("button", { name: "Add a provider" }));
  for (const [name, value] of [
    ["Issuer", "https://id.example"],
    ["Name shown", "GitLab"],
    ["Client ID", "vonggac"],
  ] as const) {
    fireEvent.change(screen.getByRole("textbox", { name }), { target: { value } });
  }
  fireEvent.change(screen.getByLabelText("Client secret"), { target: { value: "bí mật" } });
  fireEvent.click(screen.getByRole("button", { name: "Save the provider" }));
  expect(await screen.findByText("issuer is no such address")).toBeTruthy();
  expect(asked[0]?.body).toMatchObject({
    issuer: "https://id.example",
    client_secret: "bí mật",
    scopes: ["openid", "profile", "email"],
    is_on: false,
  });
});

it("says whom removing shuts out before it is done", async () => {
  const asked = showSettings(SETTINGS, {
    "DELETE /api/v1/settings/openid/1": new Response(null, { status: 204 }),
  });
  fireEvent.click(await screen.findByRole("button", { name: "Remove Cổng định danh" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByText(/3 linked accounts lose their link/)).toBeTruthy();
  expect(asked).toHaveLength(0);
  fireEvent.click(within(dialog).getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(asked).toHaveLength(1));
});

it("shows them to who may only look", async () => {
  showSettings({ ...SETTINGS, may_change: false });
  const name = await screen.findByRole<HTMLInputElement>("textbox", { name: "Name shown" });
  expect(name.disabled).toBe(true);
  for (const button of ["Save the provider", "Add a provider", "Test Cổng định danh"]) {
    expect(screen.queryByRole("button", { name: button })).toBeNull();
  }
});
