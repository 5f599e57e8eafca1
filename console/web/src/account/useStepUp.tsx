import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, type Security } from "../api/client";
import { notifyFailure } from "../lib/failure";
import { ConfirmDialog } from "./ConfirmDialog";

interface StepUp {
  /** For a change that failed: asks who sits there when that is what it wants, and then does it again. */
  onError: (error: unknown, again: () => void) => void;
  dialog: ReactNode;
}

/** Whether the server wants to know who sits there. */
export function isAsked(error: unknown): boolean {
  return error instanceof ApiFailure && error.code === "confirm_first";
}

export function useStepUp(security: Security): StepUp {
  const { t } = useTranslation();
  const [again, setAgain] = useState<(() => void) | null>(null);
  return {
    onError: (error, retry) => {
      if (isAsked(error)) setAgain(() => retry);
      else notifyFailure(t("error.what.change"), error);
    },
    dialog: (
      <ConfirmDialog
        opened={again !== null}
        security={security}
        onClose={() => setAgain(null)}
        onConfirmed={() => {
          setAgain(null);
          again?.();
        }}
      />
    ),
  };
}
