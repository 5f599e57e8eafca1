import type { Span } from "../lib/marks";

/** A text with parts of it marked. */
export function Marked({ text, spans }: { text: string; spans: readonly Span[] }) {
  const pieces = [];
  let at = 0;
  for (const [from, to] of spans) {
    if (from > at) pieces.push(text.slice(at, from));
    pieces.push(<mark key={from}>{text.slice(from, to)}</mark>);
    at = to;
  }
  pieces.push(text.slice(at));
  return <>{pieces}</>;
}
