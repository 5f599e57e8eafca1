import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type Security, type ServiceDetail, type ServicePlace, take } from "../api/client";
import { serviceQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import { RolesSection } from "../people/RolesSection";
import { useAct } from "../people/useAct";
import { TokensSection } from "./TokensSection";

interface ServicePanelProps {
  id: string;
  places: readonly ServicePlace[];
  security: Security;
  onClose: () => void;
}

/** One service: its tokens, its roles, and its end. */
export function ServicePanel({ id, places, security, onClose }: ServicePanelProps) {
  const { t } = useTranslation();
  const { data: service, error, refetch } = useQuery(serviceQuery(id));
  const name = service?.display_name ?? "";
  return (
    <SidePanel
      label={name || t("services.title")}
      head={name}
      hasKey
      className={layout.panel}
      onClose={onClose}
    >
      {error ? (
        <ErrorPanel what={t("error.what.service")} error={error} onRetry={() => void refetch()} />
      ) : null}
      {service ? (
        <>
          <What service={service} />
          <TokensSection service={service} security={security} />
          <RolesSection
            account={service}
            places={service.ended_at ? [] : places}
            security={security}
            shown="services"
          />
          {service.actions.includes("end") ? <End service={service} security={security} /> : null}
        </>
      ) : null}
    </SidePanel>
  );
}

function What({ service }: { service: ServiceDetail }) {
  const { t, i18n } = useTranslation();
  const at = (time: string | null) => (time ? <Timestamp at={time} second /> : t("common.none"));
  const facts = [
    { name: t("services.user_name"), value: <span className="mono">{service.user_name}</span> },
    { name: t("people.organisation"), value: nameOf(service.organisation, i18n.language) },
    { name: t("services.opened"), value: at(service.created_at) },
    { name: t("services.last_used"), value: at(service.last_used_at) },
    ...(service.ended_at ? [{ name: t("services.ended"), value: at(service.ended_at) }] : []),
  ];
  return <Facts facts={facts} />;
}

function End({ service, security }: { service: ServiceDetail; security: Security }) {
  const { t } = useTranslation();
  const act = useAct(security, "services");
  const [isAsked, setAsked] = useState(false);
  const params = { path: { id: service.id } };
  const end = () => {
    setAsked(false);
    act.run(() => take(api.POST("/api/v1/services/{id}/end", { params })));
  };
  return (
    <section className={layout.section}>
      <div className={layout.buttons}>
        <Button
          variant="default"
          color="red"
          loading={act.isPending}
          onClick={() => setAsked(true)}
        >
          {t("services.end")}
        </Button>
      </div>
      <Dialog opened={isAsked} onClose={() => setAsked(false)} title={t("services.end")}>
        <div className={layout.form}>
          <p>{t("services.end_hint", { name: service.display_name })}</p>
          <div className={layout.buttons}>
            <Button variant="default" onClick={() => setAsked(false)}>
              {t("common.cancel")}
            </Button>
            <Button color="red.9" onClick={end}>
              {t("services.end")}
            </Button>
          </div>
        </div>
      </Dialog>
      {act.dialog}
    </section>
  );
}
