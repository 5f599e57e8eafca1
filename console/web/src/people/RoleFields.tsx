import { Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { AccountPlace, Role } from "../api/client";
import { OrganisationSelect } from "./OrganisationSelect";
import styles from "./people.module.css";

/** A role somewhere for some days; a day is as in `2026-01-31`, or empty. */
export interface RoleForm {
  organisation: string;
  role: Role | null;
  from: string;
  until: string;
}

export function emptyRole(organisation: string): RoleForm {
  return { organisation, role: null, from: "", until: "" };
}

/** As the server wants it; nothing while no role is chosen. */
export function requestOf(form: RoleForm) {
  if (!form.role || !form.organisation) return null;
  return {
    role: form.role,
    organisation: form.organisation,
    from: form.from || null,
    until: form.until || null,
  };
}

/** Somewhere, and the roles that one may give there. */
export type GivingPlace = Pick<AccountPlace, "organisation" | "gifts">;

interface RoleFieldsProps {
  places: readonly GivingPlace[];
  form: RoleForm;
  onChange: (form: RoleForm) => void;
}

/** A role to be given: only those that one may give there. */
export function RoleFields({ places, form, onChange }: RoleFieldsProps) {
  const { t } = useTranslation();
  const giving = places.filter((place) => place.gifts.length > 0);
  const gifts =
    giving.find(({ organisation }) => organisation.code === form.organisation)?.gifts ?? [];
  const gift = gifts.find(({ role }) => role === form.role);
  return (
    <div className={styles.role}>
      <OrganisationSelect
        label={t("people.role_at")}
        places={giving}
        value={form.organisation || null}
        onChange={(code) => onChange({ ...form, organisation: code ?? "", role: null })}
      />
      <Select
        size="xs"
        label={t("people.role")}
        value={form.role}
        data={gifts.map(({ role }) => ({ value: role, label: t(`role.${role}`) }))}
        clearable
        onChange={(role) => onChange({ ...form, role: role as Role | null })}
      />
      <TextInput
        size="xs"
        type="date"
        label={t("people.from")}
        value={form.from}
        onChange={(event) => onChange({ ...form, from: event.currentTarget.value })}
      />
      <TextInput
        size="xs"
        type="date"
        label={t("people.until")}
        value={form.until}
        onChange={(event) => onChange({ ...form, until: event.currentTarget.value })}
      />
      {gift?.waits ? <p className="soft">{t("people.takes_two")}</p> : null}
    </div>
  );
}
