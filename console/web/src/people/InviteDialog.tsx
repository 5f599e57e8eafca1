import { SegmentedControl, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { useFields } from "../admin/useFields";
import { type AccountPlace, api, type Invitation, type Security, take } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "./OrganisationSelect";
import styles from "./people.module.css";
import { emptyRole, RoleFields, requestOf } from "./RoleFields";

interface InviteDialogProps {
  opened: boolean;
  places: readonly AccountPlace[];
  security: Security;
  onClose: () => void;
  onInvited: (invitation: Invitation) => void;
}

/** Invites somebody: an account, and a first role. */
export function InviteDialog({ opened, onClose, ...rest }: InviteDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("people.invite")} size="lg">
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Where a failure is shown at its field. */
const AT_FIELDS = ["user_name", "display_name", "organisation"];

function Form({ places, security, onClose, onInvited }: Omit<InviteDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const inviting = places.filter((place) => place.can_invite);
  const first = inviting[0]?.organisation.code ?? "";
  const fields = useFields({
    user_name: "",
    display_name: "",
    language: "vi",
    organisation: first,
  });
  const [role, setRole] = useState(emptyRole(first));
  const change = useChange(security, {
    call: () => {
      const given = requestOf(role);
      return take(
        api.POST("/api/v1/accounts", {
          body: { ...fields.form, memberships: given ? [given] : [] },
        }),
      );
    },
    onDone: (invitation) => {
      void client.invalidateQueries({ queryKey: ["accounts"] });
      onInvited(invitation);
    },
  });
  const { failure } = change;
  const field = (name: "user_name" | "display_name") => ({
    ...fields.field(name, failure),
    required: true,
    withAsterisk: false,
    label: t(`people.${name}`),
  });
  return (
    <ChangeForm
      change={change}
      fields={AT_FIELDS}
      submit={t("people.invite_submit")}
      isReady={fields.form.organisation !== ""}
      onClose={onClose}
    >
      <TextInput {...field("user_name")} autoComplete="off" data-autofocus />
      <TextInput {...field("display_name")} autoComplete="off" />
      <OrganisationSelect
        label={t("people.organisation")}
        places={inviting}
        value={fields.form.organisation || null}
        error={failure?.field === "organisation" ? failure.message : undefined}
        onChange={(code) => {
          fields.set({ organisation: code ?? "" });
          setRole(emptyRole(code ?? ""));
        }}
      />
      <div>
        <span className={styles.label}>{t("people.language")}</span>
        <SegmentedControl
          size="xs"
          value={fields.form.language}
          data={[
            { value: "vi", label: "Tiếng Việt" },
            { value: "en", label: "English" },
          ]}
          onChange={(language) => fields.set({ language })}
        />
      </div>
      <RoleFields places={places} form={role} onChange={setRole} />
    </ChangeForm>
  );
}
