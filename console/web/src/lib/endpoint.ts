/** What has two network ends. */
export interface Addressed {
  src?: string | null;
  sport?: number | null;
  dst?: string | null;
  dport?: number | null;
  proto?: string | null;
}

/** `203.0.113.7:443` or `[2001:db8::1]:443`; without the port when there is none. */
export function endpoint(
  address: string | null | undefined,
  port: number | null | undefined,
): string {
  if (!address) return "—";
  if (!port) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
