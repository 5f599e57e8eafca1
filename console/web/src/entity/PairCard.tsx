import { useComputedColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Thing } from "../api/client";
import { formatCount } from "../lib/number";
import { useChart } from "../lib/useChart";
import { Card } from "../parts/Card";
import { EntityLink } from "../parts/EntityLink";
import styles from "./entity.module.css";
import { startGraph } from "./graph";

/** Who talks to whom: a graph, and the same as a table. */
export function PairCard({ thing }: { thing: Thing }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  if (thing.pairs.length === 0) return null;
  return (
    <Card
      title={t("entity.pairs")}
      aside={
        thing.pairs_total > thing.pairs.length ? (
          <span className="soft">
            {t("entity.pairs_more", {
              shown: thing.pairs.length,
              formatted: number(thing.pairs_total),
            })}
          </span>
        ) : null
      }
    >
      <Graph thing={thing} />
      <div className={styles.scroll} tabIndex={0} role="group" aria-label={t("entity.pairs")}>
        <table className={styles.table} aria-label={t("entity.pairs")}>
          <thead>
            <tr>
              <th scope="col">{t("entity.source")}</th>
              <th scope="col">{t("entity.destination")}</th>
              <th scope="col" data-number="true">
                {t("entity.events")}
              </th>
            </tr>
          </thead>
          <tbody>
            {thing.pairs.map(({ src, dst, events }) => (
              <tr key={`${src} ${dst}`}>
                <td className="mono">
                  <EntityLink kind="address" value={src} />
                </td>
                <td className="mono">
                  <EntityLink kind="address" value={dst} />
                </td>
                <td data-number="true">{number(events)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Graph({ thing }: { thing: Thing }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const navigate = useNavigate();
  const open = useRef<(value: string) => void>(() => undefined);
  open.current = (value) =>
    void navigate({ to: "/entity/$kind/$value", params: { kind: "address", value } });

  const { holder, chart } = useChart((element) =>
    startGraph(element, (address) => open.current(address)),
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes the colours the graph reads
  useEffect(() => chart.current?.draw(thing.pairs, thing.value), [thing, scheme]);

  return (
    <div
      ref={holder}
      className={styles.graph}
      role="img"
      aria-label={t("entity.pairs_graph", { count: thing.pairs.length })}
    />
  );
}
