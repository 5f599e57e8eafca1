/** Organisations for tests. */
import type { OrganisationDetail, OrganisationEntry, Security } from "../api/client";

export const SECURITY: Security = {
  can_have_factors: true,
  is_strong: true,
  passkeys: 1,
  has_password: true,
  providers: [],
  recovery_codes_left: 10,
};

export function entryOf(
  code: string,
  vi: string,
  parent: string | null,
  more: Partial<OrganisationEntry> = {},
): OrganisationEntry {
  const kind = parent === null ? "nation" : "province";
  const days = { from: null, until: null, state: "current" as const };
  return { code, vi, en: `${code} in English`, kind, parent, ...days, is_match: true, ...more };
}

export const ENTRIES: readonly OrganisationEntry[] = [
  entryOf("vn", "Việt Nam", null),
  entryOf("ha-noi", "Thành phố Hà Nội", "vn"),
  entryOf("hue", "Thành phố Huế", "vn"),
  entryOf("ha-noi-it", "Trung tâm Chuyển đổi số", "ha-noi", { kind: "unit" }),
  entryOf("ha-tay", "Tỉnh Hà Tây", "vn", { state: "past", until: "2008-08-01" }),
];

export function detailOf(more: Partial<OrganisationDetail> = {}): OrganisationDetail {
  return {
    code: "ha-noi",
    vi: "Thành phố Hà Nội",
    en: "Ha Noi City",
    kind: "province",
    state: "current",
    from: null,
    until: null,
    citation: "Resolution 15/2008/QH12",
    above: [stepOf("vn", "Việt Nam", true)],
    predecessors: [],
    successors: [],
    beneath: 2,
    accounts: 4,
    roles: 5,
    roles_of_two: 1,
    sensors: 3,
    version: 7,
    actions: ["add_beneath", "change", "end", "succeed"],
    ...more,
  };
}

export function stepOf(code: string, vi: string, is_seen: boolean, until: string | null = null) {
  return { code, vi, en: `${code} in English`, from: null, until, citation: "Law 1", is_seen };
}
