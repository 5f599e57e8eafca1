import { Menu, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import {
  IconChevronDown,
  IconDevices,
  IconLock,
  IconLogout,
  IconShieldLock,
} from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Account, api, take } from "../api/client";
import { sessionQuery } from "../api/queries";
import { switchLanguage } from "../i18n";
import { keyOf, useKeyChoice } from "../lib/commands";
import { notifyFailure } from "../lib/failure";
import { useLock } from "../lock/useLock";
import { SessionsDialog } from "./SessionsDialog";
import styles from "./shell.module.css";

export function UserMenu({ account }: { account: Account }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [sessions, setSessions] = useState(false);
  const lock = useLock();
  const { off } = useKeyChoice();

  const language = useMutation({
    mutationFn: (chosen: string) =>
      take(api.PATCH("/api/v1/account", { body: { language: chosen } })),
    onMutate: switchLanguage,
    onSuccess: (changed) => client.setQueryData(sessionQuery.queryKey, changed),
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });
  const signOut = useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/session")),
    onSuccess: () => {
      void navigate({ to: "/sign-in" }).then(() => client.clear());
    },
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });

  return (
    <>
      <Menu position="bottom-end" width={264} shadow="md" closeOnItemClick>
        <Menu.Target>
          <button type="button" className={styles.user}>
            <span className={styles.initials} aria-hidden="true">
              {initials(account.display_name)}
            </span>
            <span className="clip">{account.display_name}</span>
            <span className="visually-hidden"> – {t("shell.menu")}</span>
            <IconChevronDown size={13} aria-hidden="true" />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <div className={styles.who}>
            <strong>{account.display_name}</strong>
            <span className="soft">
              {[account.user_name, ...account.roles.map((role) => t(`role.${role}`))].join(" · ")}
            </span>
          </div>
          <Menu.Divider />
          <div className={styles.preference}>
            <span id="preference-language">{t("shell.language")}</span>
            <SegmentedControl
              size="xs"
              aria-labelledby="preference-language"
              value={i18n.language}
              onChange={(chosen) => language.mutate(chosen)}
              data={[
                { value: "vi", label: "Tiếng Việt" },
                { value: "en", label: "English" },
              ]}
            />
          </div>
          <div className={styles.preference}>
            <span id="preference-theme">{t("shell.theme")}</span>
            <SegmentedControl
              size="xs"
              aria-labelledby="preference-theme"
              value={colorScheme}
              onChange={(chosen) => setColorScheme(chosen as "auto" | "light" | "dark")}
              data={[
                { value: "auto", label: t("shell.theme_auto") },
                { value: "light", label: t("shell.theme_light") },
                { value: "dark", label: t("shell.theme_dark") },
              ]}
            />
          </div>
          <Menu.Divider />
          <Menu.Item
            leftSection={<IconShieldLock size={15} aria-hidden="true" />}
            onClick={() => void navigate({ to: "/account" })}
          >
            {t("account.title")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconDevices size={15} aria-hidden="true" />}
            onClick={() => setSessions(true)}
          >
            {t("shell.sessions")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconLock size={15} aria-hidden="true" />}
            rightSection={
              off ? null : <kbd className={styles.shortcut}>{keyOf("anywhere.lock")}</kbd>
            }
            onClick={() => lock("person")}
          >
            {t("shell.lock")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconLogout size={15} aria-hidden="true" />}
            onClick={() => signOut.mutate()}
          >
            {t("shell.sign_out")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SessionsDialog opened={sessions} onClose={() => setSessions(false)} />
    </>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return [words.at(0), words.length > 1 ? words.at(-1) : ""]
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}
