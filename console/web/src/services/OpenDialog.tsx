import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAsked, useStepUp } from "../account/useStepUp";
import layout from "../admin/layout.module.css";
import {
  ApiFailure,
  api,
  type Security,
  type ServiceDetail,
  type ServicePlace,
  take,
} from "../api/client";
import { failureText } from "../lib/failure";
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
const AT_FIELDS: ReadonlySet<string> = new Set(["user_name", "display_name"]);

function Form({ places, security, onClose, onOpened }: Omit<OpenDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const opening = places.filter((place) => place.can_open);
  const first = opening.length === 1 ? (opening[0]?.organisation.code ?? "") : "";
  const [form, setForm] = useState({ user_name: "", display_name: "", organisation: first });
  const [role, setRole] = useState(emptyRole(first));
  const open = useMutation({
    mutationFn: () => {
      const given = requestOf(role);
      const body = { ...form, memberships: given ? [given] : [] };
      return take(api.POST("/api/v1/services", { body }));
    },
    onSuccess: (service) => {
      void client.invalidateQueries({ queryKey: ["services"] });
      onOpened(service);
    },
    onError: (error) => {
      if (isAsked(error)) stepUp.onError(error, () => open.mutate());
    },
  });
  const failure = open.error instanceof ApiFailure ? open.error : null;
  const isOfField = AT_FIELDS.has(failure?.field ?? "");
  const field = (name: "user_name" | "display_name") => ({
    size: "xs" as const,
    required: true,
    withAsterisk: false,
    autoComplete: "off",
    value: form[name],
    error: failure?.field === name ? failure.message : undefined,
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setForm((now) => ({ ...now, [name]: value }));
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    open.mutate();
  };
  return (
    <>
      <form onSubmit={submit} className={layout.form}>
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
          value={form.organisation || null}
          onChange={(code) => {
            setForm((now) => ({ ...now, organisation: code ?? "" }));
            setRole(emptyRole(code ?? ""));
          }}
        />
        <RoleFields places={places} form={role} onChange={setRole} />
        {failure && !isOfField && !isAsked(failure) ? (
          <p role="alert" className={layout.bad}>
            {failureText(failure, t).hint} {failure.message}
          </p>
        ) : null}
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={open.isPending} disabled={!form.organisation}>
            {t("services.open_submit")}
          </Button>
        </div>
      </form>
      {stepUp.dialog}
    </>
  );
}
