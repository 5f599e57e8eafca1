import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { api, type OpenIdProvider, type Security, take } from "../api/client";
import { openidProvidersQuery, openidSettingsQuery } from "../api/queries";
import { Dialog } from "../parts/Dialog";

interface RemoveProviderProps {
  provider: OpenIdProvider;
  security: Security;
}

/** Takes a provider away, after saying whom that shuts out. */
export function RemoveProvider({ provider, security }: RemoveProviderProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const change = useChange(security, {
    call: () =>
      take(api.DELETE("/api/v1/settings/openid/{id}", { params: { path: { id: provider.id } } })),
    onDone: () => {
      setAsking(false);
      for (const { queryKey } of [openidSettingsQuery, openidProvidersQuery]) {
        void client.invalidateQueries({ queryKey });
      }
    },
  });
  return (
    <>
      <Button
        variant="default"
        aria-label={t("openid.remove_named", { name: provider.name })}
        onClick={() => setAsking(true)}
      >
        {t("openid.remove")}
      </Button>
      <Dialog
        opened={isAsking}
        onClose={() => setAsking(false)}
        title={t("openid.remove_named", { name: provider.name })}
        size={460}
      >
        <ChangeForm
          change={change}
          fields={[]}
          submit={t("openid.remove")}
          onClose={() => setAsking(false)}
        >
          <p>{t("openid.remove_why_not", { count: provider.links })}</p>
        </ChangeForm>
      </Dialog>
    </>
  );
}
