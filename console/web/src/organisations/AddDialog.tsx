import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type OrganisationDetail, type Security, take } from "../api/client";
import { organisationQuery } from "../api/queries";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "../people/OrganisationSelect";
import { Form } from "./Form";
import { emptyForm, NEW_FIELDS, NewFields } from "./NewFields";
import { useChange } from "./useChange";
import { usePlaces } from "./usePlaces";

interface AddDialogProps {
  opened: boolean;
  /** What it is to belong to, to begin with. */
  parent: string;
  /** The code, to begin with. */
  code: string;
  security: Security;
  onClose: () => void;
  onDone: (organisation: OrganisationDetail) => void;
}

/** Enters an organisation. */
export function AddDialog({ opened, ...props }: AddDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={props.onClose} title={t("organisation.add")} size="lg">
      <Fields {...props} />
    </Dialog>
  );
}

function Fields({
  parent: first,
  code,
  security,
  onClose,
  onDone,
}: Omit<AddDialogProps, "opened">) {
  const { t } = useTranslation();
  const [form, setForm] = useState(emptyForm(code));
  const [parent, setParent] = useState(first);
  const places = usePlaces();
  const above = useQuery(organisationQuery(parent));
  const change = useChange(
    security,
    () => {
      const { from, ...rest } = form;
      const version = above.data?.version ?? 0;
      const body = { ...rest, parent, from: from || null, version };
      return take(api.POST("/api/v1/organisations", { body }));
    },
    onDone,
  );
  const isMine = above.data?.actions.includes("add_beneath") ?? false;
  const { failure } = change;
  return (
    <Form
      change={change}
      fields={[...NEW_FIELDS, "parent"]}
      submit={t("organisation.add")}
      isReady={isMine}
      onClose={onClose}
    >
      <OrganisationSelect
        label={t("organisation.parent")}
        places={places}
        value={parent}
        error={
          above.data && !isMine
            ? t("organisation.not_beneath")
            : failure?.field === "parent"
              ? t("organisation.wrong", { message: failure.message })
              : undefined
        }
        onChange={(chosen) => chosen && setParent(chosen)}
      />
      <NewFields form={form} failure={failure} onChange={setForm} />
    </Form>
  );
}
