import type { Histogram } from "../api/client";

/** The time that a range of bar indices covers: from the first bar's start to the last one's end. */
export function boundsOf(
  data: Histogram,
  indices: unknown,
): { from: string; to: string } | undefined {
  if (!Array.isArray(indices)) return undefined;
  const [low, high] = indices.map(Number).sort((a, b) => a - b);
  const first = data.buckets[Math.max(0, low ?? 0)];
  const last = data.buckets[Math.min(data.buckets.length - 1, high ?? 0)];
  if (!first || !last) return undefined;
  const end = Date.parse(last.start) + data.bucket_us / 1_000;
  return { from: new Date(Date.parse(first.start)).toISOString(), to: new Date(end).toISOString() };
}
