import { ActionIcon } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { IconKeyboard } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { formatClock } from "../lib/time";
import { Bell } from "../notice/Bell";
import styles from "./shell.module.css";
import { UserMenu } from "./UserMenu";

export function Header({ onHelp }: { onHelp: () => void }) {
  const { t, i18n } = useTranslation();
  const { data: account } = useQuery(sessionQuery);
  return (
    <header className={styles.header}>
      <strong className={styles.product}>{t("app.name")}</strong>
      {account ? (
        <span className={styles.tenant}>{nameOf(account.organisation, i18n.language)}</span>
      ) : null}
      <span className={styles.spacer} />
      <Clock />
      <Bell />
      <ActionIcon onClick={onHelp} aria-label={t("shell.help")} title={`${t("shell.help")} (?)`}>
        <IconKeyboard size={18} stroke={1.6} />
      </ActionIcon>
      {account ? <UserMenu account={account} /> : null}
    </header>
  );
}

function Clock() {
  const { t } = useTranslation();
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), 1_000, { autoInvoke: true });
  return (
    <span className={styles.clock} title={t("shell.clock")}>
      {formatClock(now)} <span className="soft">+07</span>
    </span>
  );
}
