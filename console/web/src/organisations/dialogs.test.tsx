import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { OrganisationDetail } from "../api/client";
import { organisationsQuery } from "../api/queries";
import { switchLanguage } from "../i18n";
import { AddDialog } from "./AddDialog";
import { ChangeDialog } from "./ChangeDialog";
import { dayOf } from "./day";
import { EndDialog, KeepDialog } from "./EndDialog";
import { detailOf, ENTRIES, SECURITY, stepOf } from "./fixtures";
import { SucceedDialog } from "./SucceedDialog";

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

const LIST = { items: [...ENTRIES], total: ENTRIES.length, on: "2026-01-01" };

/** Shows a dialog; reads are answered by path, changes with these in turn. What was sent, and what came of it. */
function show(
  dialog: (onDone: (done: OrganisationDetail) => void) => ReactElement,
  ...answers: [number, unknown][]
) {
  const sent: Request[] = [];
  const done: OrganisationDetail[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname.replace("/api/v1/organisations", "");
    if (request.method === "GET") {
      const code = path.slice(1);
      return Response.json(code === "" ? LIST : detailOf({ code, version: 7 }));
    }
    sent.push(request.clone());
    const [status, body] = answers.shift() ?? [500, {}];
    return Response.json(body, { status });
  });
  const client = new QueryClient();
  client.setQueryData(organisationsQuery({}).queryKey, LIST);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        {dialog((organisation) => done.push(organisation))}
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { sent, done };
}

const nothing = () => undefined;
const write = (label: string, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
const click = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const follows = () => within(screen.getByRole("region", { name: "What follows" }));

it("says before an end what follows, and ends on the day", async () => {
  const { sent, done } = show(
    (onDone) => (
      <EndDialog
        opened
        organisation={detailOf()}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [200, detailOf({ until: "2031-01-01" })],
  );
  expect(follows().getByText("Roles here that are over: 5.")).toBeTruthy();
  expect(follows().getByText(/Accounts that belong here: 4/)).toBeTruthy();
  expect(follows().getByText(/beneath: 2. End them first/)).toBeTruthy();
  expect(follows().getByText("Events and alerts belong to: vn in English.")).toBeTruthy();
  write("No more from", "2031-01-01");
  click("End");
  await waitFor(() => expect(done).toHaveLength(1));
  expect(sent[0]?.url).toMatch(/\/organisations\/ha-noi\/end$/);
  expect(await sent[0]?.json()).toEqual({ until: "2031-01-01", version: 7 });
});

it("puts what is wrong at its field, and says when others were faster", async () => {
  const wrong = { code: "invalid", field: "until", message: "until is over already" };
  const late = { code: "conflict", message: "the organisations have been changed since" };
  show(
    (onDone) => (
      <EndDialog
        opened
        organisation={detailOf()}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [400, { error: wrong }],
    [409, { error: late }],
    [403, { error: { code: "confirm_first", message: "" } }],
  );
  click("End");
  expect(await screen.findByText("Not accepted: until is over already")).toBeTruthy();
  click("End");
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toMatch(/Someone else has changed this.*changed since/);
  click("End");
  await waitFor(() => expect(screen.getAllByRole("dialog")).toHaveLength(2));
});

it("merges one with another into a new one", async () => {
  const { sent, done } = show(
    (onDone) => (
      <SucceedDialog
        opened
        organisation={detailOf()}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [200, detailOf({ state: "past" })],
  );
  write("No more from", "2031-01-01");
  fireEvent.click(screen.getByRole("combobox", { name: "Together with" }));
  fireEvent.click(screen.getByRole("option", { name: "hue in English" }));
  // Both have five roles, one of which takes two.
  expect(await follows().findByText(/go on at the successor: 10/)).toBeTruthy();
  expect(follows().getByText(/take a second person: 2/)).toBeTruthy();
  write("Code", "ha-noi-2031");
  write("Legal basis", "Resolution 1/2030");
  click("End and go on");
  await waitFor(() => expect(done).toHaveLength(1));
  expect(await sent[0]?.json()).toEqual({
    until: "2031-01-01",
    with: ["hue"],
    version: 7,
    new: {
      code: "ha-noi-2031",
      kind: "province",
      vi: "Thành phố Hà Nội",
      en: "Ha Noi City",
      citation: "Resolution 1/2030",
      parent: "vn",
    },
  });
});

it("lets one that there is take over", async () => {
  const { sent } = show(
    (onDone) => (
      <SucceedDialog
        opened
        organisation={detailOf()}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [200, detailOf()],
  );
  fireEvent.click(screen.getByRole("radio", { name: "One that there is" }));
  expect(screen.queryByLabelText("Code")).toBeNull();
  const submit = screen.getByRole("button", { name: "End and go on" });
  expect(submit.hasAttribute("disabled")).toBe(true);
  fireEvent.click(screen.getByRole("combobox", { name: "Successor" }));
  fireEvent.click(screen.getByRole("option", { name: "hue in English" }));
  expect(follows().getByText("Events and alerts belong to: hue in English.")).toBeTruthy();
  click("End and go on");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(await sent[0]?.json()).toMatchObject({ into: "hue", with: [], until: dayOf(Date.now()) });
});

it("enters one that sensors send for already", async () => {
  const { sent, done } = show(
    (onDone) => (
      <AddDialog
        opened
        parent="vn"
        code="new-one"
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [201, detailOf({ code: "new-one" })],
  );
  expect((screen.getByLabelText("Code") as HTMLInputElement).value).toBe("new-one");
  write("Name in Vietnamese", "Cơ quan mới");
  write("Name in English", "New one");
  write("Legal basis", "Decision 2");
  const submit = screen.getByRole("button", { name: "Add an organisation" });
  await waitFor(() => expect(submit.hasAttribute("disabled")).toBe(false));
  fireEvent.click(submit);
  await waitFor(() => expect(done).toHaveLength(1));
  expect(await sent[0]?.json()).toEqual({
    code: "new-one",
    kind: "unit",
    vi: "Cơ quan mới",
    en: "New one",
    citation: "Decision 2",
    from: null,
    parent: "vn",
    version: 7,
  });
});

it("changes what it is called, and no day of what has begun", async () => {
  const { sent } = show(
    (onDone) => (
      <ChangeDialog
        opened
        organisation={detailOf()}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [200, detailOf()],
  );
  expect(screen.queryByLabelText("First day")).toBeNull();
  write("Name in English", "Hanoi");
  click("Save");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.method).toBe("PATCH");
  expect(await sent[0]?.json()).toMatchObject({ en: "Hanoi", vi: "Thành phố Hà Nội", version: 7 });
});

it("takes a planned end back, and says who then does not go on with its work", async () => {
  const planned = detailOf({ until: "2031-01-01", successors: [stepOf("hue", "Huế", true)] });
  const { sent } = show(
    (onDone) => (
      <KeepDialog
        opened
        organisation={planned}
        security={SECURITY}
        onClose={nothing}
        onDone={onDone}
      />
    ),
    [200, detailOf()],
  );
  expect(screen.getByText(/hue in English will not go on/)).toBeTruthy();
  click("Take the end back");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.method).toBe("DELETE");
  expect(sent[0]?.url).toMatch(/\/ha-noi\/end\?version=7$/);
});

it("counts days as Vietnam does", () => {
  expect(dayOf(Date.parse("2025-12-31T17:00:00Z"))).toBe("2026-01-01");
  expect(dayOf(Date.parse("2025-12-31T16:59:59Z"))).toBe("2025-12-31");
});
