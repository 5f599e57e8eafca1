import { ActionIcon } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { EventRow } from "../api/client";
import { ClassTag } from "../parts/ClassTag";
import { EventFields } from "../parts/EventFields";
import { Timestamp } from "../parts/Timestamp";
import styles from "./search.module.css";

interface EventPanelProps {
  event: EventRow;
  onTerm: (added: string, sense: "and" | "not") => void;
  onClose: () => void;
}

/** One row's whole event, beside the table so that the table stays in use. */
export function EventPanel({ event, onTerm, onClose }: EventPanelProps) {
  const { t } = useTranslation();
  return (
    <aside className={styles.panel} aria-label={t("event.detail")}>
      <header>
        <ClassTag name={event.class} />
        <Timestamp at={event.ts} />
        <ActionIcon
          size={24}
          onClick={onClose}
          aria-label={t("common.close")}
          title={`${t("common.close")} (Esc)`}
        >
          <IconX size={15} />
        </ActionIcon>
      </header>
      <div tabIndex={0} role="group" aria-label={t("event.detail")}>
        <EventFields event={event} onTerm={onTerm} />
      </div>
    </aside>
  );
}
