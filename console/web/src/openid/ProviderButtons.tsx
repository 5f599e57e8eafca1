import { Button } from "@mantine/core";
import { IconLogin2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { isAsked } from "../account/useStepUp";
import type { OfferedProvider } from "../api/client";
import { failureText } from "../lib/failure";
import styles from "./openid.module.css";
import type { useProvider } from "./useProvider";

interface ProviderButtonsProps {
  providers: readonly OfferedProvider[];
  /** What a button says of the provider of that name. */
  label: (name: string) => string;
  going: ReturnType<typeof useProvider>;
}

/** A button for each provider, which leads there. */
export function ProviderButtons({ providers, label, going }: ProviderButtonsProps) {
  const { t } = useTranslation();
  if (providers.length === 0) return null;
  return (
    <div className={styles.buttons}>
      {providers.map((provider) => (
        <Button
          key={provider.id}
          variant="default"
          size="sm"
          leftSection={<IconLogin2 size={15} aria-hidden="true" />}
          loading={going.isPending && going.variables === provider.id}
          onClick={() => going.mutate(provider.id)}
        >
          {label(provider.name)}
        </Button>
      ))}
      {going.error && !isAsked(going.error) ? (
        <p role="alert" className={styles.bad}>
          {failureText(going.error, t).hint}
        </p>
      ) : null}
    </div>
  );
}
