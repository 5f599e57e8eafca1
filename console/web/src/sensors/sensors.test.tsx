import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { PreparedSensor, Security, SensorDetail, SensorPlace } from "../api/client";
import { switchLanguage } from "../i18n";
import { AddDialog } from "./AddDialog";
import { SensorPanel } from "./SensorPanel";
import { SensorTable } from "./SensorTable";
import { TokenOnce } from "./TokenOnce";

const SECURITY: Security = {
  can_have_factors: true,
  is_strong: true,
  passkeys: 1,
  has_password: true,
  providers: [],
  recovery_codes_left: 10,
};
const HA_NOI = { code: "ha-noi", vi: "Thành phố Hà Nội", en: "Ha Noi City" };
const PLACES: SensorPlace[] = [
  { organisation: HA_NOI, can_add: true },
  { organisation: { code: "hue", vi: "Thành phố Huế", en: "Hue City" }, can_add: false },
];
const TOKEN = { token: "ab".repeat(32), expires_at: "2026-01-04T00:00:00Z" };

const SENSOR: SensorDetail = {
  id: "01".repeat(16),
  name: "tap-1",
  organisation: HA_NOI,
  note: "Phòng máy 2",
  state: "active",
  generation: 1,
  prepared_at: "2026-01-01T00:00:00Z",
  enrolled_at: "2026-01-02T00:00:00Z",
  revoked_at: null,
  token_expires_at: null,
  is_told: true,
  report: {
    heard_at: "2026-01-03T00:00:00Z",
    packets_received: 1200,
    packets_dropped: 7,
    events: 31,
  },
  history: [
    { at: "2026-01-02T00:00:00Z", step: "enrol", generation: 1, by: null, address: "10.0.0.9" },
    {
      at: "2026-01-01T00:00:00Z",
      step: "prepare",
      generation: 0,
      by: { id: "1", display_name: "Nguyễn Lan" },
      address: null,
    },
  ],
  actions: ["change", "renew", "revoke"],
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
    return Response.json(body, { status });
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>{what}</QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

it("adds a sensor where one may, and hands its token on", async () => {
  const added: PreparedSensor[] = [];
  const asked = show(
    <AddDialog
      opened
      places={PLACES}
      security={SECURITY}
      onClose={() => undefined}
      onAdded={(prepared) => added.push(prepared)}
    />,
    [201, { sensor: SENSOR, token: TOKEN }],
  );
  fireEvent.change(screen.getByRole("textbox", { name: "Name" }), { target: { value: "tap-1" } });
  // The only place where one may is chosen already.
  fireEvent.click(screen.getByRole("combobox", { name: "Organisation" }));
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual([
    "Ha Noi City",
  ]);
  fireEvent.click(screen.getByRole("button", { name: "Add, and make a token" }));
  await waitFor(() => expect(added).toHaveLength(1));
  expect(added[0]?.token).toEqual(TOKEN);
  expect(await asked[0]?.json()).toEqual({ name: "tap-1", organisation: "ha-noi", note: "" });
});

it("says at its field what is wrong with a name", async () => {
  const failure = { error: { code: "invalid", field: "name", message: "name is empty" } };
  show(
    <AddDialog
      opened
      places={PLACES}
      security={SECURITY}
      onClose={() => undefined}
      onAdded={() => undefined}
    />,
    [400, failure],
  );
  fireEvent.change(screen.getByRole("textbox", { name: "Name" }), { target: { value: "é" } });
  fireEvent.click(screen.getByRole("button", { name: "Add, and make a token" }));
  expect(await screen.findByText("name is empty")).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});

it("shows a token with the commands to run, and for a renewal the one that replaces", () => {
  show(<TokenOnce token={TOKEN} name="tap-1" isRenewal={false} onClose={() => undefined} />);
  const texts = screen.getAllByRole<HTMLTextAreaElement>("textbox").map((field) => field.value);
  expect(texts).toEqual([
    TOKEN.token,
    `vonggac sensor enrol --console ${location.origin} --token-file sensor-token.txt --credential /etc/vonggac/credential.json`,
    "vonggac sensor --credential /etc/vonggac/credential.json",
  ]);
  expect(screen.getAllByRole("button", { name: "Copy" })).toHaveLength(3);
});

it("replaces the credential of before when it is renewed", () => {
  show(<TokenOnce token={TOKEN} name="tap-1" isRenewal onClose={() => undefined} />);
  expect(screen.getByDisplayValue(/--replace$/)).toBeTruthy();
});

it("tells what became of a sensor", async () => {
  show(<SensorPanel id={SENSOR.id} security={SECURITY} canEnrol onClose={() => undefined} />, [
    200,
    SENSOR,
  ]);
  expect(await screen.findByText("Active")).toBeTruthy();
  expect(screen.getByText(/Credential 1 given/)).toBeTruthy();
  expect(screen.getByText(/from 10\.0\.0\.9/)).toBeTruthy();
  expect(screen.getByText(/Nguyễn Lan/)).toBeTruthy();
});

it("says what follows before it revokes", async () => {
  const revoked = { ...SENSOR, state: "revoked", actions: ["change"] };
  const asked = show(
    <SensorPanel id={SENSOR.id} security={SECURITY} canEnrol onClose={() => undefined} />,
    [200, SENSOR],
    [200, revoked],
  );
  fireEvent.click(await screen.findByText("Revoke"));
  expect(await screen.findByText(/Within a second nothing that tap-1 sends counts/)).toBeTruthy();
  expect(asked).toHaveLength(1);
  const dialog = screen.getByRole("dialog", { name: "Revoke" });
  const confirm = Array.from(dialog.querySelectorAll("button")).find(
    (button) => button.textContent === "Revoke",
  );
  if (confirm) fireEvent.click(confirm);
  expect(await screen.findByText("Revoked")).toBeTruthy();
  expect(asked[1]?.method).toBe("POST");
  expect(asked[1]?.url).toMatch(/\/api\/v1\/sensors\/(01){16}\/revoke$/);
  await waitFor(() => expect(screen.queryByText("Revoke")).toBeNull());
});

it("offers nothing that one may not, and says when pipelines do not know yet", async () => {
  const seen = { ...SENSOR, actions: [], is_told: false };
  show(
    <SensorPanel id={SENSOR.id} security={SECURITY} canEnrol={false} onClose={() => undefined} />,
    [200, seen],
  );
  expect(await screen.findByText(/pipelines have not been told/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: /Revoke|Renew|Save/ })).toBeNull();
});

it("lists sensors with their state in words", () => {
  const waiting = { ...SENSOR, id: "02", name: "tap-2", state: "waiting" as const, report: null };
  show(<SensorTable rows={[SENSOR, waiting]} current={SENSOR.id} onOpen={() => undefined} />);
  expect(screen.getByRole("row", { name: /tap-1 Ha Noi City Active .* 1,200 7 31/ })).toBeTruthy();
  expect(screen.getByRole("row", { name: /tap-2 Ha Noi City Waiting for enrolment/ })).toBeTruthy();
  expect(screen.getByRole("button", { name: "tap-1", expanded: true })).toBeTruthy();
});
