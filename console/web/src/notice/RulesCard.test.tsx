import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { NoticeRule, NoticeWayList } from "../api/client";
import { switchLanguage } from "../i18n";
import { wayOf } from "../test/notices";
import { RulesCard } from "./RulesCard";

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

function show(items: NoticeRule[]) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/api/v1/session")
      return Response.json({ abilities: ["alert:read", "organisation:read"] });
    if (path === "/api/v1/organisations")
      return Response.json({ items: [{ code: "moh", vi: "Bộ Y tế", en: "Ministry of Health" }] });
    if (path === "/api/v1/notice-ways") return Response.json(WAYS);
    if (request.method !== "GET") {
      const text = await request.text();
      asked.push({ method: request.method, path, body: text === "" ? null : JSON.parse(text) });
    }
    return Response.json({ items });
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <RulesCard />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

const RULE: NoticeRule = {
  id: "4",
  name: "Urgent",
  about: "alert",
  severity: "high",
  organisation: "moh",
  words: "T1110",
  is_on: true,
  ways: [],
};

const WAYS: NoticeWayList = {
  has_mail: true,
  has_webhooks: false,
  items: [wayOf({ id: "7" }), wayOf({ id: "8", target: "new@moh.example", is_confirmed: false })],
};

it("adds the usual rules, without those of a lead for who leads no shift", async () => {
  const asked = show([]);
  fireEvent.click(await screen.findByRole("button", { name: "Add the usual rules" }));
  await waitFor(() => expect(asked).toHaveLength(3));
  expect(asked.map(({ body }) => (body as NoticeRule).about)).toEqual([
    "assigned",
    "watched",
    "alert",
  ]);
  expect(asked[2]?.body).toMatchObject({ severity: "high", is_on: true });
});

it("says what a rule tells of, switches it off, and changes it", async () => {
  const asked = show([RULE]);
  const told = "New alerts · High at least · Ministry of Health and beneath · “T1110”";
  expect(await screen.findByText(told)).toBeTruthy();
  fireEvent.click(screen.getByRole("switch", { name: "The rule Urgent is on" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  const { id, ...rest } = RULE;
  expect(asked[0]).toEqual({
    method: "PUT",
    path: `/api/v1/notice-rules/${id}`,
    body: { ...rest, is_on: false },
  });
  fireEvent.click(screen.getByRole("button", { name: "Change the rule Urgent" }));
  fireEvent.change(await screen.findByRole("textbox", { name: "Words" }), {
    target: { value: "" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Save the rule" }));
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked[1]?.body).toEqual({ ...rest, words: "" });
});

it("names the ways that count, and sends to those that are chosen", async () => {
  const asked = show([{ ...RULE, ways: ["7"] }]);
  expect(await screen.findByText(/lan@moh\.example/)).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Change the rule Urgent" }));
  const chosen = await screen.findByRole<HTMLInputElement>("checkbox", { name: "lan@moh.example" });
  expect(chosen.checked).toBe(true);
  expect(screen.queryByRole("checkbox", { name: "new@moh.example" })).toBeNull();
  fireEvent.click(chosen);
  fireEvent.click(screen.getByRole("button", { name: "Save the rule" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]?.body).toMatchObject({ name: "Urgent", ways: [] });
});
