import { ActionIcon, Button, Popover } from "@mantine/core";
import { IconBellRinging } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { noticesQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { useAlertStream } from "../queue/stream";
import { EXERCISE } from "../stage/stage";
import { NoticeItems } from "./NoticeItems";
import styles from "./notice.module.css";
import { useRead } from "./useNotices";

/** The latest that are shown at once. */
const SHOWN = 10;
const COUNT_MAX = 99;

/** How many notices are not read, and the latest of them; as it happens. */
export function Bell() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayRead = useMay()("alert:read");
  const { data } = useQuery({ ...noticesQuery, enabled: mayRead });
  const [opened, setOpened] = useState(false);
  const read = useRead();
  const reload = () => void client.invalidateQueries({ queryKey: noticesQuery.queryKey });
  useAlertStream({ onNotice: reload, onReopened: reload });
  if (!mayRead) return null;
  const unread = data?.unread ?? 0;
  const label = unread > 0 ? t("notice.bell_unread", { count: unread }) : t("notice.bell");
  const face = (
    <>
      <IconBellRinging size={18} stroke={1.6} />
      {unread > 0 ? (
        <b className={styles.count} aria-hidden="true">
          {unread > COUNT_MAX ? `${COUNT_MAX}+` : unread}
        </b>
      ) : null}
    </>
  );
  // What is told is of real work, which is read in a document of its own.
  if (EXERCISE !== null) {
    return (
      <ActionIcon
        component="a"
        href="/notices"
        className={styles.bell}
        aria-label={label}
        title={label}
      >
        {face}
      </ActionIcon>
    );
  }
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      shadow="md"
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <ActionIcon
          className={styles.bell}
          aria-label={label}
          title={label}
          onClick={() => setOpened((was) => !was)}
        >
          {face}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={styles.menu} aria-label={t("notice.title")}>
        <div className={styles.menuHead}>
          {t("notice.title")}
          <Button
            size="compact-xs"
            variant="default"
            disabled={unread === 0}
            loading={read.isPending}
            onClick={() => read.mutate(undefined)}
          >
            {t("notice.read_all")}
          </Button>
        </div>
        <NoticeItems
          items={(data?.items ?? []).slice(0, SHOWN)}
          onFollow={(notice) => {
            setOpened(false);
            if (!notice.is_read) read.mutate([notice.id]);
          }}
        />
        <div className={styles.menuFoot}>
          <Link to="/notices" onClick={() => setOpened(false)}>
            {t("notice.all_and_rules")}
          </Link>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
