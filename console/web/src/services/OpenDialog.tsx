import { TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { useFields } from "../admin/useFields";
import { api, type Security, type ServiceDetail, type ServicePlace, take } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "../people/OrganisationSelect";
import { emptyRole, RoleFields, requestOf } from "../people/RoleFields";

interface OpenDialogProps {
  opened: boolean;
  places: readonly ServicePlace[];
  security: Security;
  onClose: () => void;
  onOpened: (service: ServiceDetail) => void;
}

/** Opens a service: a name at an organisation, and a first role. */
export function OpenDialog({ opened, onClose, ...rest }: OpenDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("services.open")} size="lg">
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Where a failure is shown at its field. */
const AT_FIELDS = ["user_name", "display_name"];

function Form({ places, security, onClose, onOpened }: Omit<OpenDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const opening = places.filter((place) => place.can_open);
  const first = opening.length === 1 ? (opening[0]?.organisation.code ?? "") : "";
  const fields = useFields({ user_name: "", display_name: "", organisation: first });
  const [role, setRole] = useState(emptyRole(first));
  const change = useChange(security, {
    call: () => {
      const given = requestOf(role);
      const body = { ...fields.form, memberships: given ? [given] : [] };
      return take(api.POST("/api/v1/services", { body }));
    },
    onDone: (service) => {
      void client.invalidateQueries({ queryKey: ["services"] });
      onOpened(service);
    },
  });
  const field = (name: "user_name" | "display_name") => ({
    ...fields.field(name, change.failure),
    required: true,
    withAsterisk: false,
    autoComplete: "off",
  });
  return (
    <ChangeForm
      change={change}
      fields={AT_FIELDS}
      submit={t("services.open_submit")}
      isReady={fields.form.organisation !== ""}
      onClose={onClose}
    >
      <p>{t("services.open_hint")}</p>
      <TextInput
        {...field("user_name")}
        label={t("services.user_name")}
        description={t("services.user_name_hint")}
        data-autofocus
      />
      <TextInput {...field("display_name")} label={t("people.display_name")} />
      <OrganisationSelect
        label={t("people.organisation")}
        places={opening}
        value={fields.form.organisation || null}
        onChange={(code) => {
          fields.set({ organisation: code ?? "" });
          setRole(emptyRole(code ?? ""));
        }}
      />
      <RoleFields places={places} form={role} onChange={setRole} />
    </ChangeForm>
  );
}
