import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconSearch, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type RefObject, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type AlertStatus, SEVERITIES, type Severity, STATUSES } from "../api/client";
import { useMay } from "../lib/abilities";
import { toggleInList } from "../lib/search-params";
import { SeverityBars } from "../parts/Severity";
import { TimeRange } from "../parts/TimeRange";
import { ToggleList } from "../parts/ToggleList";
import { DisplayMenu } from "./DisplayMenu";
import {
  DEFAULT_RANGE,
  DEFAULT_STATUS,
  isNarrowed,
  type QueueSearch,
  withoutFilters,
  withParameter,
} from "./filter";
import { HolderSelect } from "./HolderSelect";
import { LinkedFilters } from "./LinkedFilters";
import { MoreFilters } from "./MoreFilters";
import styles from "./queue.module.css";
import { SinceButton } from "./SinceButton";
import type { StreamState } from "./stream";
import { ViewMenu } from "./ViewMenu";

const TYPING_MS = 300;

interface FilterBarProps {
  search: QueueSearch;
  counts: { by_severity: Record<string, number>; by_status: Record<string, number> } | undefined;
  textRef: RefObject<HTMLInputElement | null>;
  stream: StreamState;
  paused: boolean;
  viewsOpened: boolean;
  onViewsOpened: (opened: boolean) => void;
  onPause: () => void;
  onChange: (search: QueueSearch) => void;
}

export function FilterBar(props: FilterBarProps) {
  const { t } = useTranslation();
  const may = useMay();
  const { search, counts, onChange } = props;
  const statusList = search.status ?? DEFAULT_STATUS;

  const toggleStatus = (status: AlertStatus) => {
    const next = toggleInList(statusList, status, STATUSES) ?? DEFAULT_STATUS;
    const { status: _, ...rest } = search;
    onChange(next === DEFAULT_STATUS ? rest : { ...rest, status: next });
  };
  const toggleSeverity = (severity: Severity) => {
    const next = toggleInList(search.severity, severity, SEVERITIES);
    const { severity: _, ...rest } = search;
    onChange(next ? { ...rest, severity: next } : rest);
  };

  return (
    <search className={styles.filters} aria-label={t("queue.filters")}>
      <TypedFilter
        inputRef={props.textRef}
        label={t("queue.text")}
        placeholder={t("queue.text_placeholder")}
        icon={<IconSearch size={14} aria-hidden="true" />}
        width={210}
        value={search.q ?? ""}
        onChange={(q) => onChange(withParameter(search, "q", q.trim()))}
      />
      <ToggleList
        label={t("queue.status")}
        chosen={statusList.split(",")}
        onToggle={toggleStatus}
        items={STATUSES.map((value) => ({
          value,
          label: t(`status.${value}`),
          count: counts?.by_status[value],
        }))}
      />
      <ToggleList
        label={t("queue.severity")}
        chosen={search.severity?.split(",") ?? []}
        onToggle={toggleSeverity}
        items={SEVERITIES.map((value) => ({
          value,
          label: (
            <>
              <SeverityBars level={value} />
              <span className={styles.severityWord}>{t(`severity.${value}`)}</span>
            </>
          ),
          count: counts?.by_severity[value] ?? (counts ? 0 : undefined),
        }))}
      />
      <HolderSelect
        value={search.assignee}
        onChange={(assignee) => onChange(withParameter(search, "assignee", assignee))}
      />
      <TypedFilter
        label={t("queue.technique")}
        placeholder={t("queue.technique_placeholder")}
        width={142}
        mono
        value={search.technique ?? ""}
        onChange={(technique) =>
          onChange(withParameter(search, "technique", technique.trim().toUpperCase()))
        }
      />
      <TimeRange
        value={search}
        fallback={DEFAULT_RANGE}
        onChange={(range) => {
          const { range: _r, from: _f, to: _t, ...rest } = search;
          onChange({ ...rest, ...(range.range === DEFAULT_RANGE ? {} : range) });
        }}
      />
      <MoreFilters search={search} onChange={onChange} />
      <ViewMenu
        search={search}
        opened={props.viewsOpened}
        onOpened={props.onViewsOpened}
        onChange={onChange}
      />
      <DisplayMenu search={search} onChange={onChange} />
      <SinceButton />
      {may("rule:read") ? (
        <Button variant="default" px={10} component={Link} to="/alerts/exceptions">
          {t("queue.exceptions")}
        </Button>
      ) : null}
      <LinkedFilters search={search} onChange={onChange} />
      {isNarrowed(search) ? (
        <Button
          variant="subtle"
          px={8}
          leftSection={<IconX size={13} aria-hidden="true" />}
          onClick={() => onChange(withoutFilters(search))}
        >
          {t("common.clear_filters")}
        </Button>
      ) : null}
      <span className={styles.live} data-state={props.paused ? "paused" : props.stream}>
        <span className={styles.pulse} aria-hidden="true" />
        <span role="status">{props.paused ? t("live.paused") : t(`live.${props.stream}`)}</span>
        <ActionIcon
          onClick={props.onPause}
          aria-label={props.paused ? t("live.resume") : t("live.pause")}
          title={props.paused ? t("live.resume") : t("live.pause")}
        >
          {props.paused ? <IconPlayerPlay size={15} /> : <IconPlayerPause size={15} />}
        </ActionIcon>
      </span>
    </search>
  );
}

interface TypedFilterProps {
  label: string;
  placeholder: string;
  width: number;
  value: string;
  mono?: boolean;
  icon?: React.ReactNode;
  inputRef?: RefObject<HTMLInputElement | null>;
  onChange: (text: string) => void;
}

/** A text filter that reaches the address bar when the typing rests. */
function TypedFilter(props: TypedFilterProps) {
  const [text, setText] = useState(props.value);
  const settle = useDebouncedCallback(props.onChange, TYPING_MS);
  useEffect(() => setText(props.value), [props.value]);
  return (
    <TextInput
      ref={props.inputRef}
      type="search"
      aria-label={props.label}
      placeholder={props.placeholder}
      leftSection={props.icon}
      w={props.width}
      classNames={props.mono ? { input: "mono" } : {}}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        settle(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
      }}
    />
  );
}
