import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { switchLanguage } from "../i18n";
import { WelcomePage } from "./WelcomePage";

const SECRET = "ab".repeat(32);
const LINK = {
  user_name: "lan",
  display_name: "Nguyễn Lan",
  organisation: { code: "ha-noi", vi: "Thành phố Hà Nội", en: "Ha Noi City" },
  language: "vi",
  is_first: true,
  drops_factors: false,
  takes_two: false,
  expires_at: "2026-01-04T00:00:00Z",
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows the page as with the link's address; the server answers by path. What the server was asked. */
function show(answers: Record<string, [number, unknown]>): Request[] {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request.clone());
    const [status, body] = answers[new URL(request.url).pathname] ?? [500, {}];
    return Response.json(body, { status });
  });
  vi.stubGlobal("location", { ...location, origin: "http://localhost", hash: `#${SECRET}` });
  const root = createRootRoute();
  const page = createRoute({
    getParentRoute: () => root,
    path: "/welcome",
    component: WelcomePage,
  });
  const history = createMemoryHistory({ initialEntries: [`/welcome#${SECRET}`] });
  const router = createRouter({ routeTree: root.addChildren([page]), history });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

it("chooses a password with the link's secret, which is in bodies alone", async () => {
  const asked = show({
    "/api/v1/welcome": [200, LINK],
    "/api/v1/welcome/password": [200, { user_name: "lan" }],
  });
  const field = await screen.findByLabelText("New password");
  expect(screen.getByText("Nguyễn Lan (lan), Ha Noi City")).toBeTruthy();
  fireEvent.change(field, { target: { value: "several words in a row" } });
  fireEvent.click(screen.getByRole("button", { name: "Choose this password" }));
  await screen.findByRole("heading", { name: "The password is set" });
  const last = asked.at(-1);
  expect(await last?.json()).toEqual({
    secret: SECRET,
    password: "several words in a row",
    code: "",
  });
  for (const { url } of asked) expect(url).not.toContain(SECRET);
});

it("says of a link that does not work what to do, and shows no form", async () => {
  show({ "/api/v1/welcome": [404, { error: { code: "not_found", message: "not found" } }] });
  await screen.findByRole("heading", { name: "This link does not work" });
  expect(screen.queryByLabelText("New password")).toBeNull();
});

it("says what is wrong with a password, and lets one try another", async () => {
  show({
    "/api/v1/welcome": [200, LINK],
    "/api/v1/welcome/password": [
      400,
      { error: { code: "invalid", message: "password repeats itself", field: "password" } },
    ],
  });
  fireEvent.change(await screen.findByLabelText("New password"), {
    target: { value: "aaaaaaaaaaaaaaaa" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Choose this password" }));
  expect(await screen.findByText("password repeats itself")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Choose this password" })).toBeTruthy();
});

it("asks for the second person's code where the link takes two", async () => {
  const asked = show({
    "/api/v1/welcome": [200, { ...LINK, takes_two: true }],
    "/api/v1/welcome/password": [
      400,
      { error: { code: "invalid", message: "code is not the second person's", field: "code" } },
    ],
  });
  fireEvent.change(await screen.findByLabelText("New password"), {
    target: { value: "several words in a row" },
  });
  fireEvent.change(screen.getByLabelText("Code of the second person"), {
    target: { value: "ABCD-EFGH" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Choose this password" }));
  expect(await screen.findByText("This is not the code of the second person.")).toBeTruthy();
  expect(await asked.at(-1)?.json()).toMatchObject({ code: "ABCD-EFGH" });
});
