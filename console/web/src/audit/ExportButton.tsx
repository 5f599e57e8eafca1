import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useStepUp } from "../account/useStepUp";
import { api, type Security, take } from "../api/client";
import { securityQuery } from "../api/queries";

const FILE = "vonggac-audit.jsonl";

export function ExportButton() {
  const { data: security } = useQuery(securityQuery);
  return security ? <Exporting security={security} /> : null;
}

/** Takes the whole log away, for `vonggac audit verify`. */
function Exporting({ security }: { security: Security }) {
  const { t } = useTranslation();
  const stepUp = useStepUp(security);
  const taking = useMutation({
    mutationFn: () => take(api.GET("/api/v1/audit/export", { parseAs: "blob" })),
    onSuccess: (file) => save(file as Blob),
    onError: (error) => stepUp.onError(error, () => taking.mutate()),
  });
  return (
    <>
      <Button
        variant="default"
        title={t("audit.export_about")}
        loading={taking.isPending}
        onClick={() => taking.mutate()}
      >
        {t("audit.export")}
      </Button>
      {stepUp.dialog}
    </>
  );
}

function save(file: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = FILE;
  link.click();
  URL.revokeObjectURL(link.href);
}
