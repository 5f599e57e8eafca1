import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { switchLanguage } from "../i18n";
import { parseSearch, stringifySearch } from "../lib/search-params";
import { detailOf, ENTRIES, SECURITY, stepOf } from "./fixtures";
import { OrganisationsPage } from "./OrganisationsPage";
import { readOrganisationsSearch } from "./search";

const DETAIL = detailOf({
  predecessors: [stepOf("ha-tay", "Tỉnh Hà Tây", true, "2008-08-01")],
  above: [stepOf("vn", "Việt Nam", false)],
  accounts: null,
  actions: [],
});

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows the page at an address, for somebody with these abilities. The router, and what the server was asked. */
function show(address: string, abilities: readonly string[]) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    asked.push(pathname + search);
    if (pathname.endsWith("/organisations")) {
      return Response.json({ items: ENTRIES, total: 5, on: "2026-01-01" });
    }
    if (pathname.includes("/organisations/")) return Response.json(DETAIL);
    return Response.json(pathname.endsWith("/security") ? SECURITY : { abilities });
  });
  const root = createRootRoute();
  const app = createRoute({ getParentRoute: () => root, id: "app" });
  const admin = createRoute({ getParentRoute: () => app, path: "/admin" });
  const page = createRoute({
    getParentRoute: () => admin,
    path: "/organisations",
    component: OrganisationsPage,
    validateSearch: readOrganisationsSearch,
  });
  const router = createRouter({
    routeTree: root.addChildren([app.addChildren([admin.addChildren([page])])]),
    history: createMemoryHistory({ initialEntries: [address] }),
    parseSearch,
    stringifySearch,
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { router, asked };
}

const PAGE = "/admin/organisations";

it("shows one beside the tree, with what it came from", async () => {
  const { router } = show(PAGE, ["organisation:read"]);
  fireEvent.click(await screen.findByRole("treeitem", { name: /ha-noi in English/ }));
  const panel = await screen.findByRole("complementary", { name: "Ha Noi City" });
  expect(router.state.location.href).toBe(`${PAGE}?organisation=ha-noi`);
  const history = await within(panel).findByRole("region", { name: "History" });
  const steps = within(history).getAllByRole("listitem");
  expect(steps[0]?.textContent).toMatch(
    /Before: ha-tay in English.*to before 01\/08\/2008 · Law 1/,
  );
  expect(steps[1]?.getAttribute("aria-current")).toBe("true");
  // What one does not see has a name and no way to it.
  expect(within(panel).queryByRole("button", { name: "vn in English" })).toBeNull();
  expect(within(panel).queryByRole("button", { name: "Change" })).toBeNull();
  fireEvent.click(within(history).getByRole("button", { name: "ha-tay in English" }));
  await waitFor(() => expect(router.state.location.search).toEqual({ organisation: "ha-tay" }));
});

it("keeps what is asked for in the address, and asks the server for it", async () => {
  const { router, asked } = show(PAGE, ["organisation:read"]);
  fireEvent.change(await screen.findByLabelText("Name or code"), { target: { value: "ha noi" } });
  fireEvent.click(screen.getByRole("button", { name: "Apply" }));
  await waitFor(() => expect(router.state.location.search).toEqual({ q: "ha noi" }));
  fireEvent.change(screen.getByLabelText("As on"), { target: { value: "2025-06-30" } });
  await waitFor(() => expect(router.state.location.search).toMatchObject({ on: "2025-06-30" }));
  fireEvent.click(screen.getByRole("checkbox", { name: /have ended/ }));
  const query = "/api/v1/organisations?q=ha%20noi&on=2025-06-30&others=true";
  await waitFor(() => expect(asked).toContain(query));
  expect((await screen.findByRole("status")).textContent).toBe("Organisations on 01/01/2026: 5");
});

it("offers to enter one to those alone who may", async () => {
  const { router } = show(`${PAGE}?add=new-one`, ["organisation:read"]);
  await screen.findByRole("tree");
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(screen.queryByRole("button", { name: "Add an organisation" })).toBeNull();
  document.body.replaceChildren();
  show(`${PAGE}?add=new-one`, ["organisation:read", "organisation:create"]);
  const dialog = await screen.findByRole("dialog", { name: "Add an organisation" });
  expect((within(dialog).getByLabelText("Code") as HTMLInputElement).value).toBe("new-one");
  expect(router.state.location.search).toEqual({ add: "new-one" });
});
