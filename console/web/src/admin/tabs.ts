import type { ParseKeys } from "i18next";
import type { Account } from "../api/client";
import { type Ability, may } from "../lib/abilities";

interface Tab {
  path: string;
  name: ParseKeys;
  /** Whoever has it sees the tab. */
  ability: Ability;
}

/** The pages of the administration, in their order. */
const TABS: readonly Tab[] = [
  { path: "/admin/people", name: "people.title", ability: "account:read" },
  { path: "/admin/organisations", name: "organisation.title", ability: "organisation:read" },
  { path: "/admin/sensors", name: "sensors.title", ability: "sensor:read" },
  { path: "/admin/notifications", name: "notifications.title", ability: "system-setting:read" },
  { path: "/admin/services", name: "services.title", ability: "api-token:read" },
  { path: "/admin/sign-in", name: "sign_in_rules.title", ability: "system-setting:read" },
  { path: "/admin/audit", name: "audit.title", ability: "audit-log:read" },
];

export function tabsOf(account: Account | undefined): readonly Tab[] {
  return TABS.filter((tab) => may(account, tab.ability));
}
