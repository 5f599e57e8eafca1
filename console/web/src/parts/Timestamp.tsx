import { formatFull, formatSecond, formatShort, formatUtc } from "../lib/time";

interface TimestampProps {
  at: string;
  /** With its year: as precise as it is, for what was on the wire. */
  full?: boolean;
  /** With its year, to the second, for what people did. */
  second?: boolean;
}

/** Vietnamese time, with UTC in the tooltip. */
export function Timestamp({ at, full, second }: TimestampProps) {
  const text = full ? formatFull(at) : second ? formatSecond(at) : formatShort(at, Date.now());
  return (
    <time dateTime={at} title={`${formatFull(at)} +07\n${formatUtc(at)}`}>
      {text}
    </time>
  );
}
