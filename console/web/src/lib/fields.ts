/** Event fields as text: for cells, details and query terms. */
export type FieldValue = unknown;

/** A field's value on one line; empty for a value that is not there. */
export function fieldText(value: FieldValue): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(fieldText).join(", ");
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([name, each]) => `${name}=${fieldText(each)}`)
      .join(" ");
  }
  return String(value);
}

export function isEmpty(value: FieldValue): boolean {
  return fieldText(value) === "";
}

export function fieldNumber(value: FieldValue): number {
  // 64-bit numbers may come as text, since JSON's numbers end at 2^53.
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : 0;
}

/** The fields that say most about an event of a class, in the order they are shown. */
export const KEY_FIELDS: Record<string, readonly string[]> = {
  flow: [
    "app",
    "conn_state",
    "duration_us",
    "orig_packets",
    "resp_packets",
    "orig_bytes",
    "resp_bytes",
  ],
  dns: ["query", "qtype_name", "rcode_name", "answers"],
  http: ["method", "host", "uri", "status_code", "user_agent"],
  tls: ["server_name", "version", "ja4", "subject", "issuer"],
  file: ["mime", "size", "scan", "sha256", "host", "uri"],
  signature: ["sid", "message", "classtype", "priority"],
  yara: ["rule", "tags", "size", "sha256", "name"],
  anomaly: ["layer", "kind", "detail"],
  stats: ["packets_received", "packets_processed", "dropped", "events"],
};

/** `query=example.vn rcode_name=NOERROR …`: what a row of mixed classes shows. */
export function keyFields(
  className: string,
  fields: Record<string, FieldValue>,
): [name: string, text: string][] {
  const names = KEY_FIELDS[className] ?? Object.keys(fields);
  return names
    .map((name): [string, string] => [name, fieldText(fields[name])])
    .filter(([, text]) => text !== "");
}
