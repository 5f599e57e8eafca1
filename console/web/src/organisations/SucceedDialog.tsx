import { MultiSelect, SegmentedControl } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { organisationQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { Dialog } from "../parts/Dialog";
import { byName, OrganisationSelect } from "../people/OrganisationSelect";
import type { DialogFieldsProps, OrganisationDialogProps } from "./ChangeDialog";
import { Consequences } from "./Consequences";
import { dayOf } from "./day";
import { UntilField } from "./EndDialog";
import { Form } from "./Form";
import { emptyForm, NEW_FIELDS, NewFields, type NewForm } from "./NewFields";
import styles from "./organisations.module.css";
import { useChange } from "./useChange";
import { usePlaces } from "./usePlaces";

/** Lets an organisation end and go on as another: merged with others, renamed, moved, or taken over. */
export function SucceedDialog({ opened, ...props }: OrganisationDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={props.onClose} title={t("organisation.succeed")} size="xl">
      <Fields {...props} />
    </Dialog>
  );
}

type Way = "new" | "into";

function Fields({ organisation, security, onClose, onDone }: DialogFieldsProps) {
  const { t, i18n } = useTranslation();
  const { code, version } = organisation;
  const places = usePlaces().filter((place) => place.organisation.code !== code);
  const [way, setWay] = useState<Way>("new");
  const [until, setUntil] = useState(organisation.until ?? dayOf(Date.now()));
  const [others, setOthers] = useState<string[]>([]);
  const [into, setInto] = useState<string | null>(null);
  const [parent, setParent] = useState(organisation.above.at(-1)?.code ?? "");
  const { from: _, ...empty } = emptyForm("");
  const [form, setForm] = useState<Omit<NewForm, "from">>({
    ...empty,
    kind: organisation.kind,
    vi: organisation.vi,
    en: organisation.en,
  });
  const merged = useQueries({ queries: others.map((other) => organisationQuery(other)) });
  const ended = [organisation, ...merged.flatMap((query) => query.data ?? [])];
  const change = useChange(
    security,
    () => {
      const successor = way === "new" ? { new: { ...form, parent } } : { into };
      const body = { until, with: others, version, ...successor };
      const params = { path: { code } };
      return take(api.POST("/api/v1/organisations/{code}/succession", { params, body }));
    },
    onDone,
  );
  const { failure } = change;
  const wrong = (name: string) =>
    failure?.field === name ? t("organisation.wrong", { message: failure.message }) : undefined;
  const name = (place: (typeof places)[number]) => nameOf(place.organisation, i18n.language);
  const chosen = places.find((place) => place.organisation.code === into);
  const heir = way === "new" ? form[i18n.language === "en" ? "en" : "vi"] : chosen && name(chosen);
  return (
    <Form
      change={change}
      fields={[...NEW_FIELDS, "until", "into", "parent"]}
      submit={t("organisation.succeed_submit")}
      isReady={
        until !== "" && (way === "new" || into !== null) && ended.length === others.length + 1
      }
      onClose={onClose}
    >
      <p>{t("organisation.succeed_hint", { name: nameOf(organisation, i18n.language) })}</p>
      <div className={styles.fields}>
        <UntilField value={until} failure={failure} onChange={setUntil} />
        <MultiSelect
          size="xs"
          label={t("organisation.with")}
          data={places.map((place) => ({ value: place.organisation.code, label: name(place) }))}
          value={others}
          searchable
          limit={60}
          filter={byName}
          maxValues={63}
          onChange={setOthers}
        />
      </div>
      <SegmentedControl
        size="xs"
        aria-label={t("organisation.goes_on_as")}
        value={way}
        data={[
          { value: "new", label: t("organisation.as_new") },
          { value: "into", label: t("organisation.as_existing") },
        ]}
        onChange={(value) => setWay(value === "into" ? "into" : "new")}
      />
      {way === "new" ? (
        <>
          <OrganisationSelect
            label={t("organisation.parent")}
            places={places}
            value={parent || null}
            error={wrong("parent")}
            onChange={(above) => above && setParent(above)}
          />
          <NewFields form={form} failure={failure} onChange={setForm} />
        </>
      ) : (
        <OrganisationSelect
          label={t("organisation.successor")}
          places={places.filter((place) => !others.includes(place.organisation.code))}
          value={into}
          error={wrong("into")}
          onChange={setInto}
        />
      )}
      <Consequences of={ended} heir={heir ?? "…"} goesOn />
    </Form>
  );
}
