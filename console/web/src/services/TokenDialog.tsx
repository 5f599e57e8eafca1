import { Checkbox, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ChangeForm } from "../admin/ChangeForm";
import { useChange } from "../admin/useChange";
import { api, type MadeToken, type Security, type ServiceDetail, take } from "../api/client";
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
const AT_FIELDS = ["name", "days", "networks"];

function Form({ service, security, onClose, onMade }: Omit<TokenDialogProps, "opened">) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState(Math.min(DAYS, service.token_days_max));
  const [scope, setScope] = useState<string[]>([]);
  const [networks, setNetworks] = useState("");
  const change = useChange(security, {
    call: () => {
      const from = networks.split(/[\s,]+/).filter((network) => network !== "");
      const body = { name, days, scope, networks: from };
      const params = { path: { id: service.id } };
      return take(api.POST("/api/v1/services/{id}/tokens", { params, body }));
    },
    onDone: (made) => {
      void client.invalidateQueries({ queryKey: ["services"] });
      onMade(made);
    },
  });
  const { failure } = change;
  const at = (field: string) => (failure?.field === field ? failure.message : undefined);
  return (
    <ChangeForm
      change={change}
      fields={AT_FIELDS}
      submit={t("services.make_token")}
      isReady={scope.length > 0}
      onClose={onClose}
    >
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
    </ChangeForm>
  );
}
