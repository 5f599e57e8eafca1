import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type OrganisationDetail, type Security, take } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { Form } from "./Form";
import { NEW_FIELDS, NewFields, type NewForm } from "./NewFields";
import { useChange } from "./useChange";

export interface OrganisationDialogProps {
  opened: boolean;
  organisation: OrganisationDetail;
  security: Security;
  onClose: () => void;
  onDone: (organisation: OrganisationDetail) => void;
}

export type DialogFieldsProps = Omit<OrganisationDialogProps, "opened">;

/** What an organisation is called, what sort it is, and by which law; when it begins, as long as it has not. */
export function ChangeDialog({ opened, ...props }: OrganisationDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={props.onClose} title={t("organisation.change")} size="lg">
      <Fields {...props} />
    </Dialog>
  );
}

function Fields({ organisation, security, onClose, onDone }: DialogFieldsProps) {
  const { t } = useTranslation();
  const { code, version } = organisation;
  const [form, setForm] = useState<Partial<NewForm>>({
    vi: organisation.vi,
    en: organisation.en,
    citation: organisation.citation,
    ...(organisation.kind === "nation" ? {} : { kind: organisation.kind }),
    ...(organisation.state === "planned" ? { from: organisation.from ?? "" } : {}),
  });
  const change = useChange(
    security,
    () => {
      const { from, ...rest } = form;
      const body = { ...rest, ...(from ? { from } : {}), version };
      const params = { path: { code } };
      return take(api.PATCH("/api/v1/organisations/{code}", { params, body }));
    },
    onDone,
  );
  return (
    <Form change={change} fields={NEW_FIELDS} submit={t("organisation.save")} onClose={onClose}>
      <NewFields form={form} failure={change.failure} onChange={setForm} />
    </Form>
  );
}
