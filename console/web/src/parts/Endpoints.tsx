import { type Addressed, endpoint } from "../lib/endpoint";

/** `10.0.0.5 → 203.0.113.7:443`; the whole, with both ports, in the tooltip. */
export function Endpoints({ of: flow }: { of: Addressed }) {
  if (!flow.src && !flow.dst) return <span className="soft">—</span>;
  const source = flow.src ?? "—";
  const target = endpoint(flow.dst, flow.dport);
  const whole = `${endpoint(flow.src, flow.sport)} → ${target}${flow.proto ? ` ${flow.proto}` : ""}`;
  return (
    <span className="mono" title={whole}>
      {source} <span className="soft">→</span> {target}
    </span>
  );
}
