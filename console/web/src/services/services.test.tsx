import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { MadeToken, Security, ServiceDetail, ServicePlace } from "../api/client";
import { switchLanguage } from "../i18n";
import { OpenDialog } from "./OpenDialog";
import { ServicePanel } from "./ServicePanel";
import { TokenDialog } from "./TokenDialog";

const SECURITY: Security = {
  can_have_factors: true,
  is_strong: true,
  passkeys: 1,
  has_password: true,
  providers: [],
  recovery_codes_left: 10,
};
const HA_NOI = { code: "ha-noi", vi: "Thành phố Hà Nội", en: "Ha Noi City" };
const HUE = { code: "hue", vi: "Thành phố Huế", en: "Hue City" };
const PLACES: ServicePlace[] = [
  { organisation: HA_NOI, can_open: true, gifts: [{ role: "analyst", waits: false }] },
  { organisation: HUE, can_open: false, gifts: [] },
];
const MAKER = { id: "1", display_name: "Nguyễn Lan" };

const SERVICE: ServiceDetail = {
  id: "7",
  user_name: "siem.hn",
  display_name: "SIEM Hà Nội",
  organisation: HA_NOI,
  roles: ["analyst"],
  created_at: "2026-01-01T00:00:00Z",
  ended_at: null,
  tokens_working: 1,
  next_expires_at: "2026-04-01T00:00:00Z",
  last_used_at: "2026-01-03T00:00:00Z",
  memberships: [],
  tokens: [
    {
      id: "9",
      name: "splunk-2",
      state: "working",
      scope: ["alert:read", "future:thing"],
      networks: ["10.0.0.0/8"],
      made_at: "2026-01-01T00:00:00Z",
      made_by: MAKER,
      expires_at: "2026-04-01T00:00:00Z",
      revoked_at: null,
      last_used_at: "2026-01-03T00:00:00Z",
      last_used_from: "10.0.0.9",
    },
    {
      id: "8",
      name: "splunk-1",
      state: "revoked",
      scope: ["alert:work"],
      networks: [],
      made_at: "2026-01-01T00:00:00Z",
      made_by: MAKER,
      expires_at: "2026-04-01T00:00:00Z",
      revoked_at: "2026-01-02T00:00:00Z",
      last_used_at: null,
      last_used_from: null,
    },
  ],
  abilities: ["alert:read", "alert:work"],
  token_days_max: 30,
  actions: ["make_token", "revoke_token", "end"],
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows something; the server answers with these in turn, and with the last again and again. What it was asked. */
function show(what: ReactNode, ...answers: [number, unknown][]) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request.clone());
    const [status, body] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, {}];
    return status === 204 ? new Response(null, { status }) : Response.json(body, { status });
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>{what}</QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

function write(label: string, value: string) {
  fireEvent.change(screen.getByRole("textbox", { name: label }), { target: { value } });
}

it("opens a service where one may, with a role that is for services", async () => {
  const opened: ServiceDetail[] = [];
  const asked = show(
    <OpenDialog
      opened
      places={PLACES}
      security={SECURITY}
      onClose={() => undefined}
      onOpened={(service) => opened.push(service)}
    />,
    [201, SERVICE],
  );
  write("Service name", "siem.hn");
  write("Name", "SIEM Hà Nội");
  fireEvent.click(screen.getByRole("combobox", { name: "Role" }));
  fireEvent.click(screen.getByRole("option", { name: "Analyst" }));
  fireEvent.click(screen.getByRole("button", { name: "Open" }));
  await waitFor(() => expect(opened).toHaveLength(1));
  expect(await asked[0]?.json()).toEqual({
    user_name: "siem.hn",
    display_name: "SIEM Hà Nội",
    organisation: "ha-noi",
    memberships: [{ role: "analyst", organisation: "ha-noi", from: null, until: null }],
  });
});

it("makes a token for what is chosen, from the networks that are written, and says what is wrong at its field", async () => {
  const made: MadeToken[] = [];
  const wrong = { error: { code: "invalid", field: "networks", message: "networks are wrong" } };
  const asked = show(
    <TokenDialog
      opened
      service={SERVICE}
      security={SECURITY}
      onClose={() => undefined}
      onMade={(token) => made.push(token)}
    />,
    [400, wrong],
    [201, { token: "vgt_x", service: SERVICE }],
  );
  const submit = screen.getByRole("button", { name: "Make a token" });
  expect((submit as HTMLButtonElement).disabled).toBe(true);
  write("Name of the token", "splunk-3");
  fireEvent.click(screen.getByRole("checkbox", { name: "Read alerts" }));
  write("Only from these networks", "10.0.0.0/8\n 192.0.2.1");
  fireEvent.click(submit);
  expect(await screen.findByText("networks are wrong")).toBeTruthy();
  fireEvent.click(submit);
  await waitFor(() => expect(made).toHaveLength(1));
  expect(await asked[1]?.json()).toEqual({
    name: "splunk-3",
    days: 30,
    scope: ["alert:read"],
    networks: ["10.0.0.0/8", "192.0.2.1"],
  });
});

it("shows how tokens stand, and revokes one that works", async () => {
  const asked = show(
    <ServicePanel id="7" places={PLACES} security={SECURITY} onClose={() => undefined} />,
    [200, SERVICE],
    [204, {}],
    [200, SERVICE],
  );
  const working = (await screen.findByText("splunk-2")).closest("li");
  if (!working) throw new Error("no list");
  expect(working.textContent).toContain("Read alerts, future:thing");
  expect(working.textContent).toContain("Only from 10.0.0.0/8");
  expect(working.textContent).toContain("Last used from 10.0.0.9");
  const revoked = screen.getByText("splunk-1").closest("li");
  expect(revoked?.textContent).toContain("Never used");
  expect(within(revoked as HTMLElement).queryByRole("button")).toBeNull();
  fireEvent.click(within(working).getByRole("button", { name: "Revoke the token splunk-2" }));
  await waitFor(() => expect(asked.length).toBeGreaterThan(1));
  expect(asked[1]?.method).toBe("DELETE");
  expect(asked[1]?.url).toContain("/api/v1/services/7/tokens/9");
});
