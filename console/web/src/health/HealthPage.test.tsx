import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { render, screen, within } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import type { Health, PartHealth, SensorHealth } from "../api/client";
import { healthQuery } from "../api/queries";
import { switchLanguage } from "../i18n";
import { HealthPage } from "./HealthPage";
import { UnknownTable } from "./UnknownTable";

const PART: PartHealth = {
  part: "kafka",
  name: null,
  state: "up",
  address: null,
  version: "1",
  lag_s: null,
  heard: null,
  remarks: [],
};

const SENSOR: SensorHealth = {
  tenant: "moh",
  sensor: "moh-tap-1",
  state: "degraded",
  heard: "2026-01-01T00:00:00Z",
  last_seen: "2026-01-01T00:00:00Z",
  packets_received: 10,
  packets_processed: 10,
  packets_dropped: {},
  events: 3,
  counters: { files_unscanned_queue_full: 2 },
  remarks: [{ code: "sensor_silent", since: "2026-01-01T00:00:00Z", seconds: 300, detail: null }],
};

function show(health: Health) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: 60_000 } } });
  client.setQueryData(healthQuery.queryKey, health);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <HealthPage />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

afterEach(() => switchLanguage("vi"));

it("says in words what is wrong and what it means", () => {
  switchLanguage("en");
  show({
    alerts_behind_s: 40,
    parts: [
      {
        ...PART,
        part: "pipeline",
        name: "p-2",
        state: "degraded",
        lag_s: 40,
        remarks: [
          { code: "alerts_behind", since: null, seconds: 40, detail: null },
          {
            code: "store_refuses",
            since: "2026-01-01T05:00:00Z",
            seconds: null,
            detail: "disk full",
          },
        ],
      },
    ],
    sensors: [SENSOR],
    unknown_organisations: [],
  });
  expect(screen.getByRole("status").textContent).toBe("Alerts are 40 s behind.");
  const pipeline = screen.getByRole("row", { name: /Pipeline p-2/ });
  expect(within(pipeline).getByText(/ClickHouse refuses/).textContent).toMatch(/since/);
  expect(within(pipeline).getByText("disk full")).toBeTruthy();
  const sensor = screen.getByRole("row", { name: /moh-tap-1/ });
  expect(within(sensor).getByText(/has not reported for 5 m/).textContent).toMatch(/spool/);
});

it("says the same fault of each server in its own words, in Vietnamese too", () => {
  const remark = { code: "no_answer", since: null, seconds: null, detail: null } as const;
  show({
    alerts_behind_s: 0,
    parts: [
      { ...PART, state: "down", remarks: [remark] },
      { ...PART, part: "clickhouse", state: "down", remarks: [remark] },
    ],
    sensors: [],
    unknown_organisations: [],
  });
  expect(screen.queryByRole("status")).toBeNull();
  expect(screen.getByRole("row", { name: /Kafka.*bộ đệm/ })).toBeTruthy();
  expect(screen.getByRole("row", { name: /ClickHouse.*tìm kiếm/ })).toBeTruthy();
});

it("leads to entering an organisation that nobody has entered", async () => {
  switchLanguage("en");
  const unknown = { alerts: 1000, has_more: true, sensors: 2 };
  const root = createRootRoute({
    component: () => (
      <UnknownTable
        organisations={[
          { ...unknown, code: "new-one", is_code: true },
          { ...unknown, code: "No Code", is_code: false },
        ]}
      />
    ),
  });
  const router = createRouter({ routeTree: root, history: createMemoryHistory() });
  render(
    <MantineProvider env="test">
      <RouterProvider router={router as never} />
    </MantineProvider>,
  );
  const link = await screen.findByRole("link", { name: "Enter new-one" });
  expect(link.getAttribute("href")).toBe("/admin/organisations?add=new-one");
  const wrong = screen.getByRole("row", { name: /No Code/ });
  expect(wrong.textContent).toMatch(/1,000 or more.*correct the sensor/);
  expect(within(wrong).queryByRole("link")).toBeNull();
});

it("has a column of addresses only where there are some", () => {
  show({ alerts_behind_s: 0, parts: [PART], sensors: [], unknown_organisations: [] });
  expect(screen.queryByRole("columnheader", { name: "Địa chỉ" })).toBeNull();
  document.body.replaceChildren();
  show({
    alerts_behind_s: 0,
    parts: [{ ...PART, address: "10.0.0.1:9092" }],
    sensors: [],
    unknown_organisations: [],
  });
  expect(screen.getByRole("columnheader", { name: "Địa chỉ" })).toBeTruthy();
});
