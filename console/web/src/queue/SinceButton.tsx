import { Button } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { sinceQuery } from "../api/queries";
import { formatCount } from "../lib/number";
import { formatShort } from "../lib/time";
import { EXERCISE } from "../stage/stage";
import { sinceSearch } from "./filter";

/** One click to what is new or changed since one was last here; nothing on the first visit, and in an exercise. */
export function SinceButton() {
  const { t, i18n } = useTranslation();
  const { data } = useQuery({ ...sinceQuery, enabled: EXERCISE === null });
  if (!data?.since) return null;
  const number = (value: number) => formatCount(value, i18n.language);
  return (
    <Button
      variant="default"
      px={10}
      leftSection={<IconHistory size={14} aria-hidden="true" />}
      title={t("since.title", {
        at: formatShort(data.since, Date.now()),
        new: number(data.new),
        changed: number(data.changed),
      })}
      renderRoot={(props) => (
        <Link to="/alerts" search={sinceSearch(data.since ?? "")} {...props} />
      )}
    >
      {t("since.button", {
        count: data.new + data.changed,
        formatted: number(data.new + data.changed),
      })}
    </Button>
  );
}
