import { keyFields } from "../lib/fields";
import styles from "./parts.module.css";

interface KeyFieldsProps {
  className: string;
  fields: Record<string, unknown>;
}

/** An event's most telling fields on one line. */
export function KeyFields({ className, fields }: KeyFieldsProps) {
  return (
    <span className={styles.keyFields}>
      {keyFields(className, fields).map(([name, text]) => (
        <span key={name}>
          <span className="soft">{name}</span> <span className="mono">{text}</span>
        </span>
      ))}
    </span>
  );
}
