import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure } from "../api/client";
import { sessionQuery } from "../api/queries";
import { type Ability, useMay } from "../lib/abilities";
import { useCommands } from "../lib/commands";
import { useSequences } from "../lib/keys";
import { useAutoLock, useLock } from "../lock/useLock";
import { AlertStreamProvider } from "../queue/stream";
import { Header } from "./Header";
import { KeysDialog } from "./KeysDialog";
import { Rail } from "./Rail";
import styles from "./shell.module.css";

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [help, setHelp] = useState(false);
  const may = useMay();
  const go =
    (
      to:
        | "/overview"
        | "/alerts"
        | "/alerts/handover"
        | "/alerts/exceptions"
        | "/exercises"
        | "/search"
        | "/health",
      ability: Ability,
    ) =>
    () => {
      if (may(ability)) void navigate({ to });
    };
  const lock = useLock();
  useAutoLock();
  useCommands({ "anywhere.lock": () => lock("person") }, { "?": () => setHelp(true) });
  useSequences({
    o: go("/overview", "alert:read"),
    q: go("/alerts", "alert:read"),
    d: go("/alerts/handover", "handover:read"),
    l: go("/alerts/exceptions", "rule:read"),
    t: go("/exercises", "exercise:read"),
    s: go("/search", "event-search:read"),
    h: go("/health", "health:read"),
  });
  /** Asking for the session also leads to sign-in when it has ended, and to the lock when it is locked. */
  const hasSession = () =>
    client.fetchQuery({ ...sessionQuery, staleTime: 0 }).then(
      () => true,
      (error: unknown) => !(error instanceof ApiFailure && [401, 423].includes(error.status)),
    );
  return (
    <AlertStreamProvider isOn={may("alert:read")} mayReopen={hasSession}>
      <div className={styles.shell}>
        <a className={styles.skip} href="#main">
          {t("nav.skip")}
        </a>
        <Rail />
        <Header onHelp={() => setHelp(true)} />
        <div className={styles.content}>
          <Outlet />
        </div>
      </div>
      <KeysDialog opened={help} onClose={() => setHelp(false)} />
    </AlertStreamProvider>
  );
}
