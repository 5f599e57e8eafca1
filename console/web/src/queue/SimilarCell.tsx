import { useTranslation } from "react-i18next";
import { type Alert, VERDICTS } from "../api/client";
import styles from "./queue.module.css";

/** How many other alerts there are of the same rule about the same entity, and what those closed turned out to be. */
export function SimilarCell({ similar }: { similar: Alert["similar"] }) {
  const { t } = useTranslation();
  if (!similar || similar.alerts === 0) {
    return (
      <span role="gridcell" tabIndex={-1} className="soft">
        —
      </span>
    );
  }
  const past = VERDICTS.flatMap((verdict) => {
    const count = similar.verdicts[verdict] ?? 0;
    return count > 0 ? [{ verdict, count }] : [];
  });
  const told = [
    t("similar.count", { count: similar.alerts }),
    ...past.map(({ verdict, count }) => `${t(`verdict_short.${verdict}`)}: ${count}`),
  ].join("\n");
  const closed = past.reduce((sum, { count }) => sum + count, 0);
  return (
    <span role="gridcell" tabIndex={-1} title={told}>
      <span className={styles.similar}>
        <span className="visually-hidden">{told}</span>
        <span aria-hidden="true">
          {similar.alerts}
          {similar.is_more ? "+" : ""}
        </span>
        {closed > 0 ? (
          <span className={styles.past} aria-hidden="true">
            {past.map(({ verdict, count }) => (
              <span
                key={verdict}
                data-verdict={verdict}
                style={{ width: `${(100 * count) / closed}%` }}
              />
            ))}
          </span>
        ) : null}
      </span>
    </span>
  );
}
