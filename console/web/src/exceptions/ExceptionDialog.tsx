import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { alertQuery, securityQuery } from "../api/queries";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { ExceptionForm } from "./ExceptionForm";

interface ExceptionDialogProps {
  /** Id of the alert that it is made from; none while nothing is asked. */
  alert: string | null;
  onClose: () => void;
}

/** Makes an exception from an alert: of its rule, for what the alert has. */
export function ExceptionDialog({ alert: id, onClose }: ExceptionDialogProps) {
  const { t } = useTranslation();
  const alert = useQuery({ ...alertQuery(id ?? ""), enabled: id !== null });
  const security = useQuery({ ...securityQuery, enabled: id !== null });
  return (
    <Dialog opened={id !== null} onClose={onClose} title={t("exception.add")} size={680}>
      {alert.error ? (
        <ErrorPanel
          what={t("error.what.alert")}
          error={alert.error}
          onRetry={() => void alert.refetch()}
        />
      ) : null}
      {id && alert.data?.id === id && security.data ? (
        <ExceptionForm key={id} alert={alert.data} security={security.data} onClose={onClose} />
      ) : (
        <p role="status">{t("common.loading")}</p>
      )}
    </Dialog>
  );
}
