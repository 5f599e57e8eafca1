import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import { useTranslation } from "react-i18next";
import { api, type ExportJob, take } from "../api/client";
import { type EventQuery, exportsQuery } from "../api/queries";
import { formatBytes, formatCount } from "../lib/number";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./search.module.css";

/** As the server has it, until it has said so itself. */
const ROWS_MAX = 100_000;

interface ExportDialogProps {
  opened: boolean;
  query: EventQuery;
  /** The table's chosen columns, with commas. */
  columns: string | undefined;
  onClose: () => void;
}

/** Writes the search to a file, as a job: its progress, its file, and those of the last day. */
export function ExportDialog({ opened, query, columns, onClose }: ExportDialogProps) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const jobs = useQuery({ ...exportsQuery, enabled: opened });
  const renew = () => client.invalidateQueries({ queryKey: exportsQuery.queryKey });
  const start = useMutation({
    mutationFn: (chosen: { format: "csv" | "jsonl"; columns?: string[] }) =>
      take(api.POST("/api/v1/exports", { body: { ...query, ...chosen } })),
    onSettled: renew,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const format = form.get("format") === "jsonl" ? "jsonl" : "csv";
    const shown = form.get("shown") && columns ? { columns: ["ts", ...columns.split(",")] } : {};
    start.mutate({ format, ...shown });
  };
  const rows = formatCount(jobs.data?.[0]?.rows_max ?? ROWS_MAX, i18n.language);
  const wrong = start.error ?? jobs.error;
  return (
    <Dialog opened={opened} onClose={onClose} title={t("search.export_title")} size={640}>
      <form onSubmit={submit} className={styles.saveForm}>
        <p>{t("search.export_about", { rows })}</p>
        <p className="mono">{query.q ?? "*"}</p>
        <fieldset className={styles.formats}>
          <legend className="visually-hidden">{t("search.export")}</legend>
          <label>
            <input type="radio" name="format" value="csv" defaultChecked /> {t("search.export_csv")}
          </label>
          <label>
            <input type="radio" name="format" value="jsonl" /> {t("search.export_jsonl")}
          </label>
          {columns ? (
            <label>
              <input type="checkbox" name="shown" value="yes" defaultChecked />{" "}
              {t("search.export_shown")}
            </label>
          ) : null}
        </fieldset>
        <Button type="submit" loading={start.isPending}>
          {t("search.export_start")}
        </Button>
      </form>
      {wrong ? <ErrorPanel what={t("error.what.exports")} error={wrong} /> : null}
      <h3>{t("search.export_jobs")}</h3>
      {jobs.data?.length === 0 ? <p className="soft">{t("search.export_none")}</p> : null}
      <ul className={styles.jobs}>
        {jobs.data?.map((job) => (
          <Job key={job.id} job={job} onChange={renew} />
        ))}
      </ul>
    </Dialog>
  );
}

function Job({ job, onChange }: { job: ExportJob; onChange: () => void }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const number = (value: number) => formatCount(value, i18n.language);
  const cancel = useMutation({
    mutationFn: () =>
      take(api.POST("/api/v1/exports/{id}/cancel", { params: { path: { id: job.id } } })),
    onSettled: onChange,
  });
  const wanted = Math.min(job.rows_found, job.rows_max);
  const percent = wanted > 0 ? (100 * job.rows_done) / wanted : 0;
  return (
    <li>
      <div>
        <Timestamp at={job.created_at} /> · {job.format} ·{" "}
        <strong id={id}>{t(`search.export_state_${job.state}`)}</strong>
        {job.problem ? <span className="soft"> · {job.problem}</span> : null}
        <div className="mono soft clip" title={job.query}>
          {job.query || "*"}
        </div>
        <div role="status">
          {t("search.export_progress", {
            done: number(job.rows_done),
            found: number(job.rows_found),
          })}
          {job.bytes > 0 ? ` · ${formatBytes(job.bytes)}` : ""}
        </div>
        {job.state === "running" ? <Progress value={percent} aria-labelledby={id} /> : null}
      </div>
      {job.state === "running" ? (
        <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          {t("search.export_cancel")}
        </Button>
      ) : null}
      {job.state === "done" ? (
        <Button component="a" href={`/api/v1/exports/${job.id}/file`} download>
          {t("search.export_download")}
        </Button>
      ) : null}
    </li>
  );
}
