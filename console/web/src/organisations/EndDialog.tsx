import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { nameOf } from "../lib/organisation";
import { formatDay } from "../lib/time";
import { Dialog } from "../parts/Dialog";
import type { DialogFieldsProps, OrganisationDialogProps } from "./ChangeDialog";
import { Consequences } from "./Consequences";
import { dayOf } from "./day";
import { Form } from "./Form";
import { useChange } from "./useChange";

/** Says from which day on an organisation is no more, when nothing goes on with its work. */
export function EndDialog({ opened, ...props }: OrganisationDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={props.onClose} title={t("organisation.end")} size="lg">
      <EndFields {...props} />
    </Dialog>
  );
}

function EndFields({ organisation, security, onClose, onDone }: DialogFieldsProps) {
  const { t, i18n } = useTranslation();
  const { code, version } = organisation;
  const [until, setUntil] = useState(organisation.until ?? dayOf(Date.now()));
  const change = useChange(
    security,
    () => {
      const params = { path: { code } };
      const body = { until, version };
      return take(api.POST("/api/v1/organisations/{code}/end", { params, body }));
    },
    onDone,
  );
  const parent = organisation.above.at(-1);
  const { failure } = change;
  return (
    <Form
      change={change}
      fields={["until"]}
      submit={t("organisation.end")}
      isReady={until !== ""}
      onClose={onClose}
    >
      <p>{t("organisation.end_hint", { name: nameOf(organisation, i18n.language) })}</p>
      <UntilField value={until} failure={failure} onChange={setUntil} />
      <Consequences
        of={[organisation]}
        heir={parent ? nameOf(parent, i18n.language) : ""}
        goesOn={false}
      />
    </Form>
  );
}

interface UntilFieldProps {
  value: string;
  failure: ReturnType<typeof useChange>["failure"];
  onChange: (day: string) => void;
}

/** The first day on which it is no more. */
export function UntilField({ value, failure, onChange }: UntilFieldProps) {
  const { t } = useTranslation();
  return (
    <TextInput
      size="xs"
      type="date"
      required
      withAsterisk={false}
      label={t("organisation.until")}
      value={value}
      error={
        failure?.field === "until"
          ? t("organisation.wrong", { message: failure.message })
          : undefined
      }
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Takes a planned end back. */
export function KeepDialog({ opened, ...props }: OrganisationDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={props.onClose} title={t("organisation.keep_on")}>
      <KeepFields {...props} />
    </Dialog>
  );
}

function KeepFields({ organisation, security, onClose, onDone }: DialogFieldsProps) {
  const { t, i18n } = useTranslation();
  const { code, version } = organisation;
  const change = useChange(
    security,
    () => {
      const params = { path: { code }, query: { version } };
      return take(api.DELETE("/api/v1/organisations/{code}/end", { params }));
    },
    onDone,
  );
  const [successor] = organisation.successors;
  return (
    <Form change={change} fields={[]} submit={t("organisation.keep_on")} onClose={onClose}>
      <p>
        {t("organisation.keep_on_hint", {
          name: nameOf(organisation, i18n.language),
          day: formatDay(organisation.until ?? ""),
        })}
      </p>
      {successor ? (
        <p>{t("organisation.keep_on_successor", { name: nameOf(successor, i18n.language) })}</p>
      ) : null}
    </Form>
  );
}
