import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../parts/EmptyState";
import layout from "./layout.module.css";

interface RowsProps {
  isEmpty: boolean;
  /** What is said then, and by what filters are taken off, if there are any. */
  empty: { title: string; hint: string; onClear?: (() => void) | undefined };
  children: ReactNode;
}

/** The rows of a list in their frame, or that there are none. */
export function Rows({ isEmpty, empty, children }: RowsProps) {
  const { t } = useTranslation();
  return (
    <div className={layout.frame}>
      {children}
      {isEmpty ? (
        <EmptyState title={empty.title} hint={empty.hint}>
          {empty.onClear ? (
            <Button variant="default" onClick={empty.onClear}>
              {t("common.clear_filters")}
            </Button>
          ) : null}
        </EmptyState>
      ) : null}
    </div>
  );
}
