import type { ReactNode } from "react";
import styles from "./parts.module.css";

export interface ToggleItem<T extends string> {
  value: T;
  label: ReactNode;
  count?: number | undefined;
}

interface ToggleListProps<T extends string> {
  label: string;
  items: readonly ToggleItem<T>[];
  chosen: readonly string[];
  onToggle: (value: T) => void;
}

/** A row of on/off filters, each with the number of things it stands for. */
export function ToggleList<T extends string>(props: ToggleListProps<T>) {
  return (
    <fieldset className={styles.toggles}>
      <legend className="visually-hidden">{props.label}</legend>
      {props.items.map((item) => (
        <button
          key={item.value}
          type="button"
          className={styles.toggle}
          aria-pressed={props.chosen.includes(item.value)}
          onClick={() => props.onToggle(item.value)}
        >
          {item.label}
          {item.count === undefined ? null : <span className={styles.tally}>{item.count}</span>}
        </button>
      ))}
    </fieldset>
  );
}
