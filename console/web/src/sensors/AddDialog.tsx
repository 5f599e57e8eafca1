import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAsked, useStepUp } from "../account/useStepUp";
import layout from "../admin/layout.module.css";
import {
  ApiFailure,
  api,
  type PreparedSensor,
  type Security,
  type SensorPlace,
  take,
} from "../api/client";
import { failureText } from "../lib/failure";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "../people/OrganisationSelect";

interface AddDialogProps {
  opened: boolean;
  places: readonly SensorPlace[];
  security: Security;
  onClose: () => void;
  onAdded: (prepared: PreparedSensor) => void;
}

/** Adds a sensor: a name at an organisation, and a token to enrol it with. */
export function AddDialog({ opened, onClose, ...rest }: AddDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("sensors.add")}>
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Where a failure is shown at its field. */
const AT_FIELDS: ReadonlySet<string> = new Set(["name", "note"]);

function Form({ places, security, onClose, onAdded }: Omit<AddDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const adding = places.filter((place) => place.can_add);
  const [form, setForm] = useState({
    name: "",
    organisation: adding.length === 1 ? (adding[0]?.organisation.code ?? "") : "",
    note: "",
  });
  const add = useMutation({
    mutationFn: () => take(api.POST("/api/v1/sensors", { body: form })),
    onSuccess: (prepared) => {
      void client.invalidateQueries({ queryKey: ["sensors"] });
      onAdded(prepared);
    },
    onError: (error) => {
      if (isAsked(error)) stepUp.onError(error, () => add.mutate());
    },
  });
  const failure = add.error instanceof ApiFailure ? add.error : null;
  const isOfField = AT_FIELDS.has(failure?.field ?? "");
  const field = (name: "name" | "note") => ({
    size: "xs" as const,
    label: t(`sensors.${name}`),
    value: form[name],
    error: failure?.field === name ? failure.message : undefined,
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setForm((now) => ({ ...now, [name]: value }));
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <>
      <form onSubmit={submit} className={layout.form}>
        <TextInput
          {...field("name")}
          description={t("sensors.name_hint")}
          required
          withAsterisk={false}
          autoComplete="off"
          data-autofocus
        />
        <OrganisationSelect
          label={t("people.organisation")}
          places={adding}
          value={form.organisation || null}
          onChange={(code) => setForm((now) => ({ ...now, organisation: code ?? "" }))}
        />
        <Textarea {...field("note")} description={t("sensors.note_hint")} autosize minRows={2} />
        {failure && !isOfField && !isAsked(failure) ? (
          <p role="alert" className={layout.bad}>
            {failureText(failure, t).hint} {failure.message}
          </p>
        ) : null}
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={add.isPending} disabled={!form.organisation}>
            {t("sensors.add_submit")}
          </Button>
        </div>
      </form>
      {stepUp.dialog}
    </>
  );
}
