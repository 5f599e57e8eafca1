import { expect, it } from "vitest";
import { boundsOf } from "./bounds";

const data = {
  bucket_us: 60_000_000,
  buckets: [0, 1, 2].map((minute) => ({ start: `2026-11-21T10:0${minute}:00Z`, counts: {} })),
};

it.each([
  [[0, 0], "2026-11-21T10:00:00.000Z", "2026-11-21T10:01:00.000Z"],
  [[2, 1], "2026-11-21T10:01:00.000Z", "2026-11-21T10:03:00.000Z"],
  [[-3, 99], "2026-11-21T10:00:00.000Z", "2026-11-21T10:03:00.000Z"],
])("bars %j are the time from %s to %s", (indices, from, to) => {
  expect(boundsOf(data, indices)).toEqual({ from, to });
});

it("no bars are no time", () => {
  expect(boundsOf(data, undefined)).toBeUndefined();
  expect(boundsOf({ ...data, buckets: [] }, [0, 1])).toBeUndefined();
});
