import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import type { OrganisationDetail, Security } from "../api/client";
import { organisationQuery } from "../api/queries";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { formatDay } from "../lib/time";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { AddDialog } from "./AddDialog";
import { ChangeDialog } from "./ChangeDialog";
import { EndDialog, KeepDialog } from "./EndDialog";
import { History, StepName } from "./History";
import { SucceedDialog } from "./SucceedDialog";

interface OrganisationPanelProps {
  code: string;
  security: Security;
  onOpen: (code: string) => void;
  onClose: () => void;
}

/** One organisation: what it is, what it came from, what is at it, and what one may do with it. */
export function OrganisationPanel({ code, security, onOpen, onClose }: OrganisationPanelProps) {
  const { t, i18n } = useTranslation();
  const organisation = useQuery(organisationQuery(code));
  const { data } = organisation;
  const name = data ? nameOf(data, i18n.language) : "";
  return (
    <SidePanel
      label={name || t("organisation.title")}
      head={name}
      hasKey
      className={layout.panel}
      onClose={onClose}
    >
      {organisation.error ? (
        <ErrorPanel
          what={t("error.what.organisation")}
          error={organisation.error}
          onRetry={() => void organisation.refetch()}
        />
      ) : null}
      {data ? (
        <>
          <What organisation={data} onOpen={onOpen} />
          <Deeds organisation={data} security={security} onOpen={onOpen} />
          <History organisation={data} onOpen={onOpen} />
        </>
      ) : null}
    </SidePanel>
  );
}

interface PartProps {
  organisation: OrganisationDetail;
  onOpen: (code: string) => void;
}

function What({ organisation, onOpen }: PartProps) {
  const { t, i18n } = useTranslation();
  const { above } = organisation;
  const number = (count: number | null) =>
    count === null ? t("common.none") : formatCount(count, i18n.language);
  const other = i18n.language === "en" ? organisation.vi : organisation.en;
  const facts = [
    { name: t("organisation.other_name"), value: other },
    { name: t("organisation.code"), value: <span className="mono">{organisation.code}</span> },
    {
      name: t("organisation.kind_label"),
      value: t(`organisation.kind.${organisation.kind}`),
    },
    { name: t("organisation.state_label"), value: t(`organisation.state.${organisation.state}`) },
    ...(above.length > 0
      ? [
          {
            name: t("organisation.above"),
            value: above.map((step, index) => (
              <span key={step.code}>
                {index > 0 ? " › " : ""}
                <StepName step={step} onOpen={onOpen} />
              </span>
            )),
          },
        ]
      : []),
    {
      name: t("organisation.from"),
      value: organisation.from ? formatDay(organisation.from) : t("organisation.days_open"),
    },
    {
      name: t("organisation.until"),
      value: organisation.until ? formatDay(organisation.until) : t("common.none"),
    },
    { name: t("organisation.citation"), value: organisation.citation },
    { name: t("organisation.beneath"), value: number(organisation.beneath) },
    { name: t("organisation.accounts"), value: number(organisation.accounts) },
    { name: t("organisation.roles"), value: number(organisation.roles) },
    { name: t("organisation.sensors"), value: number(organisation.sensors) },
  ];
  return <Facts facts={facts} />;
}

type Asked = OrganisationDetail["actions"][number];

/** What one may do with it, each by a form that says what follows. */
function Deeds({ organisation, security, onOpen }: PartProps & { security: Security }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  const dialog = { organisation, security, onClose: close, onDone: close };
  if (organisation.actions.length === 0) return null;
  return (
    <div className={layout.buttons}>
      {organisation.actions.map((action) => (
        <Button
          key={action}
          variant="default"
          {...(action === "end" || action === "succeed" ? { color: "red" } : {})}
          onClick={() => setAsked(action)}
        >
          {t(`organisation.${action}`)}
        </Button>
      ))}
      <AddDialog
        opened={asked === "add_beneath"}
        parent={organisation.code}
        code={organisation.above.length > 0 ? `${organisation.code}-` : ""}
        security={security}
        onClose={close}
        onDone={(added) => {
          close();
          onOpen(added.code);
        }}
      />
      <ChangeDialog {...dialog} opened={asked === "change"} />
      <EndDialog {...dialog} opened={asked === "end"} />
      <KeepDialog {...dialog} opened={asked === "keep_on"} />
      <SucceedDialog {...dialog} opened={asked === "succeed"} />
    </div>
  );
}
