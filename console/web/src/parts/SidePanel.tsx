import { ActionIcon } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "./parts.module.css";

interface SidePanelProps {
  /** What it is called. */
  label: string;
  /** What its content is called, when that is another name. */
  contentLabel?: string;
  head: ReactNode;
  /** Whether the page closes it by Escape, too. */
  hasKey?: boolean;
  /** How its content is laid out. */
  className: string | undefined;
  onClose: () => void;
  children: ReactNode;
}

/** Something whole, beside the table so that the table stays in use. */
export function SidePanel(props: SidePanelProps) {
  const { t } = useTranslation();
  const close = t("common.close");
  return (
    <aside className={styles.sidePanel} aria-label={props.label}>
      <header>
        {props.head}
        <ActionIcon
          size={24}
          onClick={props.onClose}
          aria-label={close}
          title={props.hasKey ? `${close} (Esc)` : close}
        >
          <IconX size={15} />
        </ActionIcon>
      </header>
      <div
        tabIndex={0}
        role="group"
        aria-label={props.contentLabel ?? props.label}
        className={props.className}
      >
        {props.children}
      </div>
    </aside>
  );
}
