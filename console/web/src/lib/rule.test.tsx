import { MantineProvider } from "@mantine/core";
import { act, render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { RuleCard } from "../alert/RuleCard";
import type { AlertDetail, AlertGroup } from "../api/client";
import { switchLanguage } from "../i18n";
import { GroupTable } from "../queue/GroupTable";
import { alertOf } from "../test/alerts";
import { ruleDescription, ruleTitle } from "./rule";

afterEach(() => switchLanguage("vi"));

function groupOf(key: string, title_vi: string | null): AlertGroup {
  return {
    key,
    title: "Password guessing",
    title_vi,
    alerts: 1,
    open: 1,
    rules: 1,
    severity: "high",
    last_seen: "2026-11-21T10:01:00Z",
  };
}

it("reads a title in Vietnamese to who reads Vietnamese, and in English where there is none", () => {
  const said = alertOf({ rule_title_vi: "Dò mật khẩu SSH" });
  expect(ruleTitle(said, "vi")).toBe("Dò mật khẩu SSH");
  expect(ruleTitle(said, "en")).toBe("SSH password guessing");
  expect(ruleTitle(alertOf(), "vi")).toBe("SSH password guessing");
});

it("has a description in the other language rather than none, and says which it is", () => {
  const both = { rule_description: "Many.", rule_description_vi: "Nhiều." };
  expect(ruleDescription(both, "vi")).toEqual({ text: "Nhiều.", language: "vi" });
  expect(ruleDescription(both, "en")).toEqual({ text: "Many.", language: "en" });
  const english = { ...both, rule_description_vi: null };
  expect(ruleDescription(english, "vi")).toEqual({ text: "Many.", language: "en" });
  const vietnamese = { ...both, rule_description: null };
  expect(ruleDescription(vietnamese, "en")).toEqual({ text: "Nhiều.", language: "vi" });
  expect(ruleDescription({ ...english, rule_description: null }, "vi")).toBeNull();
});

it("shows groups by their rule's title, and changes it with the language", () => {
  render(
    <MantineProvider>
      <GroupTable
        by="rule"
        groups={[groupOf("guessing", "Dò mật khẩu"), groupOf("other", null)]}
        isMore={false}
        cursor={null}
        scrollRef={{ current: null }}
        onCursor={() => {}}
        onOpen={() => {}}
      />
    </MantineProvider>,
  );
  const titles = () => screen.getAllByRole("button").map((button) => button.textContent);
  expect(titles()).toEqual(["Dò mật khẩu", "Password guessing"]);
  act(() => switchLanguage("en"));
  expect(titles()).toEqual(["Password guessing", "Password guessing"]);
});

it("tells what the rule says of itself before its text", () => {
  const detail: AlertDetail = {
    ...alertOf({ techniques: [] }),
    rule_text: "title: SSH password guessing",
    rule_description: "Many were refused.",
    rule_description_vi: "Nhiều lần bị từ chối.",
    group: {},
    event_ids: [],
    flow_ids: [],
    continues: null,
    continued_by: null,
    activity: [],
    exceptions: [],
    offered: [],
  };
  render(
    <MantineProvider>
      <RuleCard alert={detail} />
    </MantineProvider>,
  );
  const told = screen.getByText("Nhiều lần bị từ chối.");
  expect(told.lang).toBe("vi");
  const text = screen.getByText("title: SSH password guessing");
  expect(told.compareDocumentPosition(text)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
  act(() => switchLanguage("en"));
  expect(screen.getByText("Many were refused.").lang).toBe("en");
});
