import { currentLanguage } from "../i18n";
import { classColour, classInfo } from "../lib/classes";
import styles from "./parts.module.css";

/** An event class with the colour it has in the histogram. */
export function ClassTag({ name }: { name: string }) {
  return (
    <span className={styles.classTag} title={classInfo(name)?.[currentLanguage()]}>
      <i style={{ background: classColour(name) }} aria-hidden="true" />
      {name}
    </span>
  );
}
