import { type Addressed, endpoint } from "../lib/endpoint";
import { EntityLink } from "./EntityLink";

/** `10.0.0.5 → 203.0.113.7:443`, each address a way to its page; the whole, with both ports, in the tooltip. */
export function Endpoints({ of: flow }: { of: Addressed }) {
  if (!flow.src && !flow.dst) return <span className="soft">—</span>;
  const target = endpoint(flow.dst, flow.dport);
  const whole = `${endpoint(flow.src, flow.sport)} → ${target}${flow.proto ? ` ${flow.proto}` : ""}`;
  return (
    <span className="mono" title={whole}>
      {flow.src ? <EntityLink kind="address" value={flow.src} inGrid /> : "—"}{" "}
      <span className="soft">→</span>{" "}
      {flow.dst ? (
        <EntityLink kind="address" value={flow.dst} inGrid>
          {target}
        </EntityLink>
      ) : (
        "—"
      )}
    </span>
  );
}
