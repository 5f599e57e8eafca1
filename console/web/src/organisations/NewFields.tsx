import { Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type ApiFailure, KINDS, type OrganisationKind } from "../api/client";
import styles from "./organisations.module.css";

/** An organisation as it is written down; a day is as in `2026-01-31`, or empty. */
export interface NewForm {
  code: string;
  kind: OrganisationKind;
  vi: string;
  en: string;
  citation: string;
  from: string;
}

export function emptyForm(code: string): NewForm {
  return { code, kind: "unit", vi: "", en: "", citation: "", from: "" };
}

export const NEW_FIELDS = ["code", "kind", "vi", "en", "citation", "from"] as const;

interface NewFieldsProps<T extends Partial<NewForm>> {
  form: T;
  failure: ApiFailure | null;
  onChange: (form: T) => void;
}

/** What is said of an organisation: those of the fields that the form has. */
export function NewFields<T extends Partial<NewForm>>({
  form,
  failure,
  onChange,
}: NewFieldsProps<T>) {
  const { t } = useTranslation();
  const wrong = (name: string) =>
    failure?.field === name ? t("organisation.wrong", { message: failure.message }) : undefined;
  const field = (name: Exclude<keyof NewForm, "kind">) => ({
    size: "xs" as const,
    label: t(`organisation.${name}`),
    value: form[name] ?? "",
    error: wrong(name),
    autoComplete: "off",
    onChange: (event: { currentTarget: { value: string } }) =>
      onChange({ ...form, [name]: event.currentTarget.value }),
  });
  return (
    <div className={styles.fields}>
      {form.code === undefined ? null : (
        <TextInput
          {...field("code")}
          required
          withAsterisk={false}
          description={t("organisation.code_hint")}
          className={styles.wide}
        />
      )}
      <TextInput {...field("vi")} required withAsterisk={false} />
      <TextInput {...field("en")} required withAsterisk={false} />
      {form.kind === undefined ? null : (
        <Select
          size="xs"
          label={t("organisation.kind_label")}
          value={form.kind}
          error={wrong("kind")}
          data={KINDS.map((kind) => ({ value: kind, label: t(`organisation.kind.${kind}`) }))}
          allowDeselect={false}
          onChange={(kind) => kind && onChange({ ...form, kind })}
        />
      )}
      {form.from === undefined ? null : <TextInput {...field("from")} type="date" />}
      <TextInput
        {...field("citation")}
        required
        withAsterisk={false}
        description={t("organisation.citation_hint")}
        className={styles.wide}
      />
    </div>
  );
}
