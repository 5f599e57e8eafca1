import { Textarea, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { useFields } from "../admin/useFields";
import { api, type Exercise, type OrganisationName, type Security, take } from "../api/client";
import { sessionQuery } from "../api/queries";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "../people/OrganisationSelect";

interface MakeDialogProps {
  opened: boolean;
  /** Of which organisations one may make exercises. */
  places: readonly OrganisationName[];
  security: Security;
  onClose: () => void;
  onMade: (made: Exercise) => void;
}

/** Makes an exercise, which its director then prepares. */
export function MakeDialog({ opened, onClose, ...rest }: MakeDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("exercise.make")}>
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Where a failure is shown at its field. */
const AT_FIELDS = ["name", "note"];

function Form({ places, security, onClose, onMade }: Omit<MakeDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: me } = useQuery(sessionQuery);
  const own = places.find((place) => place.code === me?.organisation.code) ?? places[0];
  const fields = useFields({ name: "", organisation: own?.code ?? "", note: "" });
  const change = useChange(security, {
    call: () => take(api.POST("/api/v1/exercises", { body: fields.form })),
    onDone: (made) => {
      void client.invalidateQueries({ queryKey: ["exercises"] });
      onMade(made);
    },
  });
  const field = (name: "name" | "note") => ({
    ...fields.field(name, change.failure),
    label: t(`exercise.${name}`),
  });
  return (
    <ChangeForm
      change={change}
      fields={AT_FIELDS}
      submit={t("exercise.make_submit")}
      isReady={fields.form.organisation !== ""}
      onClose={onClose}
    >
      <TextInput
        {...field("name")}
        required
        withAsterisk={false}
        maxLength={200}
        autoComplete="off"
        data-autofocus
      />
      <OrganisationSelect
        label={t("exercise.owner")}
        places={places.map((organisation) => ({ organisation }))}
        value={fields.form.organisation || null}
        onChange={(code) => fields.set({ organisation: code ?? "" })}
      />
      <Textarea
        {...field("note")}
        description={t("exercise.note_hint")}
        autosize
        minRows={2}
        maxLength={2_000}
      />
    </ChangeForm>
  );
}
