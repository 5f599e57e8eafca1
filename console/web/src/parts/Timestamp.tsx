import { formatFull, formatShort, formatUtc } from "../lib/time";

interface TimestampProps {
  at: string;
  full?: boolean;
}

/** Vietnamese time, with UTC in the tooltip. */
export function Timestamp({ at, full }: TimestampProps) {
  const text = full ? formatFull(at) : formatShort(at, Date.now());
  return (
    <time dateTime={at} title={`${formatFull(at)} +07\n${formatUtc(at)}`}>
      {text}
    </time>
  );
}
