import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../api/client";
import { formatCount } from "../lib/number";
import { Card } from "../parts/Card";
import styles from "./overview.module.css";
import { type Cell, matrix, raisedIn, total } from "./rows";

/** Most techniques under one tactic; the list behind the tactic has all. */
const CELLS_MAX = 8;

/** The ATT&CK matrix with how often each technique was found. */
export function Matrix({ overview, wall }: { overview: Overview; wall: boolean }) {
  const { t } = useTranslation();
  const columns = matrix(overview);
  const most = Math.max(1, ...overview.techniques.map(({ alerts }) => total({ ...alerts })));
  return (
    <Card title={t("overview.matrix")} className={styles.wide}>
      <div className={styles.matrix}>
        {columns.map(({ tactic, cells }) => (
          <section key={tactic} aria-label={t(`tactic.${tactic}`)} data-empty={cells.length === 0}>
            <h3>
              {wall || cells.length === 0 ? (
                t(`tactic.${tactic}`)
              ) : (
                <Link to="/alerts" search={{ ...raisedIn(overview), tactic }}>
                  {t(`tactic.${tactic}`)}
                </Link>
              )}
            </h3>
            <ul>
              {cells.slice(0, CELLS_MAX).map((cell) => (
                <li key={cell.technique} style={{ background: heat(cell, most) }}>
                  <CellText cell={cell} wall={wall} />
                </li>
              ))}
              {cells.length > CELLS_MAX ? (
                <li className="soft">
                  {t("overview.more_techniques", { count: cells.length - CELLS_MAX })}
                </li>
              ) : null}
            </ul>
          </section>
        ))}
      </div>
    </Card>
  );
}

function CellText({ cell, wall }: { cell: Cell; wall: boolean }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  const name = cell.technique || t("overview.no_technique");
  const waiting = cell.alerts.open + cell.alerts.acknowledged;
  const all = total({ ...cell.alerts });
  const text = (
    <>
      <span className="mono">{name}</span> <b>{number(all)}</b>
    </>
  );
  if (wall) return text;
  const title = t("overview.cell", { technique: name, all: number(all), waiting: number(waiting) });
  return (
    <Link to="/alerts" search={cell.search} title={title}>
      {text}
    </Link>
  );
}

/** The more alerts, the stronger; never so strong that text on it is hard to read. */
function heat(cell: Cell, most: number): string {
  const share = Math.log1p(total({ ...cell.alerts })) / Math.log1p(most);
  return `color-mix(in srgb, var(--accent-text) ${Math.round(6 + 16 * share)}%, var(--surface))`;
}
