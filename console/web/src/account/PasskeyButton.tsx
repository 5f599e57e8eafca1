import { Button } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { ApiFailure } from "../api/client";
import { failureText } from "../lib/failure";
import { canHavePasskeys, isRefusal } from "../lib/passkey";
import styles from "./account.module.css";

interface PasskeyButtonProps {
  label: string;
  asking: { mutate: () => void; isPending: boolean; error: unknown };
}

/** A button that asks for a passkey; absent where the browser has none. */
export function PasskeyButton({ label, asking }: PasskeyButtonProps) {
  const { t } = useTranslation();
  if (!canHavePasskeys()) return null;
  return (
    <>
      <Button
        variant="default"
        size="sm"
        leftSection={<IconKey size={15} aria-hidden="true" />}
        loading={asking.isPending}
        onClick={() => asking.mutate()}
      >
        {label}
      </Button>
      {asking.error ? (
        <p role="alert" className={styles.bad}>
          {problemOf(asking.error, t)}
        </p>
      ) : null}
    </>
  );
}

function problemOf(error: unknown, t: TFunction): string {
  if (isRefusal(error)) return t("passkey.not_given");
  if (error instanceof ApiFailure && error.code === "passkey") return t("passkey.refused");
  return failureText(error, t).hint;
}
