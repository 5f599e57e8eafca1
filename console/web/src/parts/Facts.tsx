import type { ReactNode } from "react";
import styles from "./parts.module.css";

export interface Fact {
  name: string;
  value: ReactNode;
}

/** Names and values, in two columns. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map((fact) => (
        <div key={fact.name} style={{ display: "contents" }}>
          <dt>{fact.name}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}
