import { keyFields } from "../lib/fields";
import type { Marker } from "../lib/marks";
import { Marked } from "./Marked";
import styles from "./parts.module.css";

interface KeyFieldsProps {
  className: string;
  fields: Record<string, unknown>;
  /** What of the values is marked. */
  marker?: Marker | undefined;
}

/** An event's most telling fields on one line. */
export function KeyFields({ className, fields, marker }: KeyFieldsProps) {
  return (
    <span className={styles.keyFields}>
      {keyFields(className, fields).map(([name, text]) => (
        <span key={name}>
          <span className="soft">{name}</span>{" "}
          <span className="mono">
            <Marked text={text} spans={marker?.(className, name, text) ?? []} />
          </span>
        </span>
      ))}
    </span>
  );
}
