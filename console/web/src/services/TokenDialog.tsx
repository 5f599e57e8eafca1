import { Button, Checkbox, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAsked, useStepUp } from "../account/useStepUp";
import layout from "../admin/layout.module.css";
import {
  ApiFailure,
  api,
  type MadeToken,
  type Security,
  type ServiceDetail,
  take,
} from "../api/client";
import { failureText } from "../lib/failure";
import { Dialog } from "../parts/Dialog";
import { graspText } from "./grasp";
import styles from "./services.module.css";

/** For how many days a token is good when nothing else is said. */
const DAYS = 90;

interface TokenDialogProps {
  opened: boolean;
  service: ServiceDetail;
  security: Security;
  onClose: () => void;
  onMade: (made: MadeToken) => void;
}

/** Makes a token: for what, how long, and from where. */
export function TokenDialog({ opened, onClose, ...rest }: TokenDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("services.make_token")} size="lg">
      <Form onClose={onClose} {...rest} />
    </Dialog>
  );
}

/** Where a failure is shown at its field. */
const AT_FIELDS: ReadonlySet<string> = new Set(["name", "days", "networks"]);

function Form({ service, security, onClose, onMade }: Omit<TokenDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const [name, setName] = useState("");
  const [days, setDays] = useState(Math.min(DAYS, service.token_days_max));
  const [scope, setScope] = useState<string[]>([]);
  const [networks, setNetworks] = useState("");
  const make = useMutation({
    mutationFn: () => {
      const from = networks.split(/[\s,]+/).filter((network) => network !== "");
      const body = { name, days, scope, networks: from };
      const params = { path: { id: service.id } };
      return take(api.POST("/api/v1/services/{id}/tokens", { params, body }));
    },
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["services"] });
      onMade(made);
    },
    onError: (error) => {
      if (isAsked(error)) stepUp.onError(error, () => make.mutate());
    },
  });
  const failure = make.error instanceof ApiFailure ? make.error : null;
  const at = (field: string) => (failure?.field === field ? failure.message : undefined);
  const isOfField = AT_FIELDS.has(failure?.field ?? "");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <>
      <form onSubmit={submit} className={layout.form}>
        <TextInput
          size="xs"
          required
          withAsterisk={false}
          autoComplete="off"
          data-autofocus
          label={t("services.token_name")}
          description={t("services.token_name_hint")}
          value={name}
          error={at("name")}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Checkbox.Group
          label={t("services.scope")}
          description={t("services.scope_hint")}
          size="xs"
          value={scope}
          onChange={setScope}
        >
          <div className={styles.scope}>
            {service.abilities.map((word) => (
              <Checkbox
                key={word}
                size="xs"
                value={word}
                label={graspText(word, t)}
                description={word}
              />
            ))}
          </div>
        </Checkbox.Group>
        {service.abilities.length === 0 ? <p role="note">{t("services.no_abilities")}</p> : null}
        <NumberInput
          size="xs"
          label={t("services.days")}
          description={t("services.days_hint", { max: service.token_days_max })}
          min={1}
          max={service.token_days_max}
          allowDecimal={false}
          value={days}
          error={at("days")}
          onChange={(value) => setDays(Number(value))}
        />
        <Textarea
          size="xs"
          autosize
          minRows={2}
          label={t("services.networks")}
          description={t("services.networks_hint")}
          value={networks}
          error={at("networks")}
          onChange={(event) => setNetworks(event.currentTarget.value)}
        />
        {failure && !isOfField && !isAsked(failure) ? (
          <p role="alert" className={layout.bad}>
            {failureText(failure, t).hint} {failure.message}
          </p>
        ) : null}
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={make.isPending} disabled={scope.length === 0}>
            {t("services.make_token")}
          </Button>
        </div>
      </form>
      {stepUp.dialog}
    </>
  );
}
