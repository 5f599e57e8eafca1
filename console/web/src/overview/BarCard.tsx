import { useComputedColorScheme } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { formatCount } from "../lib/number";
import { useChart } from "../lib/useChart";
import { Card } from "../parts/Card";
import type { QueueSearch } from "../queue/filter";
import { startBars } from "./chart";
import styles from "./overview.module.css";
import { type Row, type Series, total } from "./rows";

interface BarCardProps {
  title: string;
  rows: readonly Row[];
  series: readonly Series[];
  /** What a row and a series are called. */
  nameOf: (key: string) => string;
  seriesName: (key: string) => string;
  lying?: boolean;
  /** On the wall: larger, and nothing to click. */
  wall: boolean;
  aside?: ReactNode;
  className?: string | undefined;
}

const FONT_PX = 11;
const WALL_FONT_PX = 17;

/** Stacked bars, each a way into the list behind it, and the same as a table. */
export function BarCard(props: BarCardProps) {
  const { t } = useTranslation();
  const { title, rows, series, wall } = props;
  return (
    <Card title={title} aside={props.aside} className={props.className}>
      <Chart {...props} />
      <ul className={styles.legend} aria-hidden="true">
        {series.map(({ key, colour }) => (
          <li key={key}>
            <span style={{ background: `var(${colour})` }} />
            {props.seriesName(key)}
          </li>
        ))}
      </ul>
      {wall ? null : (
        <details className={styles.numbers}>
          <summary>{t("overview.as_table")}</summary>
          <NumberTable {...props} rows={rows.filter((row) => total(row.values) > 0)} />
        </details>
      )}
    </Card>
  );
}

function Chart({ title, rows, series, nameOf, seriesName, lying = false, wall }: BarCardProps) {
  const { i18n } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const navigate = useNavigate();
  const open = useRef<(bar: number, series: number) => void>(() => undefined);
  open.current = (bar, part) => {
    const row = rows[bar];
    if (row && !wall) void navigate({ to: "/alerts", search: searchOf(row, series[part]) });
  };

  const { holder, chart } = useChart((element) =>
    startBars(element, (bar, part) => open.current(bar, part)),
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: scheme and language change what is drawn
  useEffect(() => {
    chart.current?.draw({
      labels: rows.map((row) => nameOf(row.key)),
      series: series.map(({ key, colour }) => ({
        name: seriesName(key),
        colour,
        values: rows.map((row) => row.values[key] ?? 0),
      })),
      lying,
      fontPx: wall ? WALL_FONT_PX : FONT_PX,
    });
  }, [rows, series, lying, wall, scheme, i18n.language]);

  const sum = rows.reduce((all, row) => all + total(row.values), 0);
  return (
    <div
      ref={holder}
      className={styles.chart}
      role="img"
      aria-label={`${title}: ${formatCount(sum, i18n.language)}`}
      data-total={sum}
    />
  );
}

function NumberTable({ title, rows, series, nameOf, seriesName }: BarCardProps) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  return (
    <table className={styles.table} aria-label={title}>
      <thead>
        <tr>
          <th scope="col">{title}</th>
          {series.map(({ key }) => (
            <th key={key} scope="col" data-number="true">
              {seriesName(key)}
            </th>
          ))}
          <th scope="col" data-number="true">
            {t("overview.total")}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">
              <Link to="/alerts" search={row.search}>
                {nameOf(row.key)}
              </Link>
            </th>
            {series.map((part) => (
              <td key={part.key} data-number="true">
                {row.values[part.key] ? (
                  <Link to="/alerts" search={searchOf(row, part)}>
                    {number(row.values[part.key] ?? 0)}
                  </Link>
                ) : (
                  "0"
                )}
              </td>
            ))}
            <td data-number="true">{number(total(row.values))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function searchOf(row: Row, part: Series | undefined): QueueSearch {
  return { ...row.search, ...part?.search };
}
