import { useTranslation } from "react-i18next";
import type { EventRow } from "../api/client";
import { ClassTag } from "../parts/ClassTag";
import { EventFields } from "../parts/EventFields";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./search.module.css";

interface EventPanelProps {
  event: EventRow;
  onTerm: (added: string, sense: "and" | "not") => void;
  onClose: () => void;
}

/** One row's whole event. */
export function EventPanel({ event, onTerm, onClose }: EventPanelProps) {
  const { t } = useTranslation();
  return (
    <SidePanel
      label={t("event.detail")}
      head={
        <>
          <ClassTag name={event.class} />
          <Timestamp at={event.ts} />
        </>
      }
      hasKey
      className={styles.panel}
      onClose={onClose}
    >
      <EventFields event={event} onTerm={onTerm} />
    </SidePanel>
  );
}
