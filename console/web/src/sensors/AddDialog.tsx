import { Textarea, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { useFields } from "../admin/useFields";
import { api, type PreparedSensor, type Security, type SensorPlace, take } from "../api/client";
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
const AT_FIELDS = ["name", "note"];

function Form({ places, security, onClose, onAdded }: Omit<AddDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const adding = places.filter((place) => place.can_add);
  const fields = useFields({
    name: "",
    organisation: adding.length === 1 ? (adding[0]?.organisation.code ?? "") : "",
    note: "",
  });
  const change = useChange(security, {
    call: () => take(api.POST("/api/v1/sensors", { body: fields.form })),
    onDone: (prepared) => {
      void client.invalidateQueries({ queryKey: ["sensors"] });
      onAdded(prepared);
    },
  });
  const field = (name: "name" | "note") => ({
    ...fields.field(name, change.failure),
    label: t(`sensors.${name}`),
  });
  return (
    <ChangeForm
      change={change}
      fields={AT_FIELDS}
      submit={t("sensors.add_submit")}
      isReady={fields.form.organisation !== ""}
      onClose={onClose}
    >
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
        value={fields.form.organisation || null}
        onChange={(code) => fields.set({ organisation: code ?? "" })}
      />
      <Textarea {...field("note")} description={t("sensors.note_hint")} autosize minRows={2} />
    </ChangeForm>
  );
}
