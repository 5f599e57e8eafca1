import { expect, it } from "vitest";
import type { HandoverFacts } from "../api/client";
import { factsOf } from "../test/handover";
import { bandsOf, changeRows, deedRows, holderRows, openRows } from "./rows";

type Open = HandoverFacts["open"][number];

const OPEN: Open = {
  organisation: "moh",
  severity: "high",
  status: "open",
  age_from_s: 0,
  age_to_s: 3600,
  count: 2,
  unassigned: 1,
  set_aside: 0,
};

it("sums what is open by severity and age, the most urgent and the youngest first", () => {
  const facts = factsOf({
    open: [
      { ...OPEN, severity: "low", age_from_s: 604_800, age_to_s: null, set_aside: 1 },
      OPEN,
      { ...OPEN, organisation: "moh-it", status: "acknowledged", unassigned: 0 },
    ],
  });
  expect(bandsOf(facts)).toEqual([
    { from: 0, to: 3600 },
    { from: 604_800, to: null },
  ]);
  expect(openRows(facts)).toEqual([
    { severity: "high", byAge: [4, 0], total: 4, unassigned: 1, setAside: 0 },
    { severity: "low", byAge: [0, 2], total: 2, unassigned: 1, setAside: 1 },
  ]);
});

it("adds a row for all only where there are several organisations", () => {
  const one = { organisation: "moh", change: "raised", count: 3 };
  expect(changeRows(factsOf({ changes: [one] }))).toHaveLength(1);
  const rows = changeRows(
    factsOf({ changes: [one, { organisation: "mot", change: "closed", count: 1 }] }),
  );
  expect(rows.map((row) => row.organisation)).toEqual(["moh", "mot", null]);
  expect(rows[2]?.counts).toMatchObject({ raised: 3, closed: 1, reopened: 0 });
});

it("names each person and each deed once", () => {
  const facts = factsOf({
    holders: [
      { organisation: "moh", holder_id: "1", holder: "Lan", count: 1 },
      { organisation: "moh", holder_id: "2", holder: "Lan", count: 2 },
      { organisation: "mot", holder_id: "1", holder: "Lan", count: 5 },
    ],
    deeds: [
      { organisation: "moh", action: "membership.create", count: 1 },
      { organisation: "mot", action: "membership.create", count: 2 },
    ],
  });
  expect(holderRows(facts)).toEqual([
    { id: "1", name: "Lan", count: 6 },
    { id: "2", name: "Lan", count: 2 },
  ]);
  expect(deedRows(facts)).toEqual([{ action: "membership.create", count: 3 }]);
});
