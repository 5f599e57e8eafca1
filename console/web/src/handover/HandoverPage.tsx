import { Button } from "@mantine/core";
import { IconArrowLeft, IconPrinter, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ApiFailure, type HandoverDetail } from "../api/client";
import { handoverQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { Card } from "../parts/Card";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import { DraftForm } from "./DraftForm";
import { Facts } from "./Facts";
import styles from "./handover.module.css";
import { StateTag } from "./StateTag";
import { TakeOverForm } from "./TakeOverForm";

const route = getRouteApi("/app/alerts/handover/$id");

/** One hand-over: what is said, how things stand, and what the reader may do with it. */
export function HandoverPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const handover = useQuery(handoverQuery(id));
  const isMissing = handover.error instanceof ApiFailure && handover.error.status === 404;
  return (
    <main id="main" className={styles.page}>
      {isMissing ? (
        <EmptyState title={t("handover.missing_title")} hint={t("error.not_found")}>
          <Button variant="default" component={Link} to="/alerts/handover">
            {t("handover.title")}
          </Button>
        </EmptyState>
      ) : null}
      {handover.error && !isMissing ? (
        <ErrorPanel
          what={t("error.what.handover")}
          error={handover.error}
          onRetry={() => void handover.refetch()}
        />
      ) : null}
      {handover.data ? (
        <Shown
          // Another version is another form.
          key={`${handover.data.id} ${handover.data.version} ${handover.data.state}`}
          handover={handover.data}
          onRefresh={() => void handover.refetch()}
        />
      ) : (
        <p role="status">{handover.isLoading ? t("common.loading") : null}</p>
      )}
    </main>
  );
}

interface ShownProps {
  handover: HandoverDetail;
  onRefresh: () => void;
}

function Shown({ handover, onRefresh }: ShownProps) {
  const { t, i18n } = useTranslation();
  const may = (action: HandoverDetail["actions"][number]) => handover.actions.includes(action);
  return (
    <>
      <header className={styles.top}>
        <Link to="/alerts/handover" className={`${styles.back} ${styles.screenOnly}`}>
          <IconArrowLeft size={14} aria-hidden="true" /> {t("handover.title")}
        </Link>
        <h1>{t("handover.of", { organisation: nameOf(handover.organisation, i18n.language) })}</h1>
        <StateTag state={handover.state} />
        <span className="soft">
          <Timestamp at={handover.from} second /> – <Timestamp at={handover.to} second />
        </span>
        <span className={styles.spacer} />
        <span className={`${styles.buttons} ${styles.screenOnly}`}>
          {handover.state === "draft" ? (
            <Button
              variant="default"
              px={8}
              aria-label={t("common.refresh")}
              title={t("common.refresh")}
              onClick={onRefresh}
            >
              <IconRefresh size={15} aria-hidden="true" />
            </Button>
          ) : null}
          <Button
            variant="default"
            leftSection={<IconPrinter size={15} aria-hidden="true" />}
            onClick={() => window.print()}
          >
            {t("handover.print")}
          </Button>
        </span>
      </header>
      <Signed handover={handover} />
      {may("acknowledge") ? <TakeOverForm handover={handover} /> : null}
      {may("change") ? <DraftForm draft={handover} /> : <Words handover={handover} />}
      <p className="soft">
        {t(handover.state === "draft" ? "handover.as_now" : "handover.as_then")}{" "}
        <Timestamp at={handover.facts.at} second />
      </p>
      <Facts facts={handover.facts} />
    </>
  );
}

/** Who handed over, who took over, and what he said. */
function Signed({ handover }: { handover: HandoverDetail }) {
  const { t } = useTranslation();
  const { handed_at, acknowledged_at, acknowledged_by, author } = handover;
  return (
    <p role="status">
      {handed_at ? (
        <>
          {t("handover.handed_by", { name: author.display_name })}{" "}
          <Timestamp at={handed_at} second />
          {acknowledged_at && acknowledged_by ? (
            <>
              {" · "}
              {t("handover.acknowledged_by", { name: acknowledged_by.display_name })}{" "}
              <Timestamp at={acknowledged_at} second />
            </>
          ) : (
            ` · ${t("handover.waits")}`
          )}
        </>
      ) : (
        t("handover.begun_by", { name: author.display_name })
      )}
    </p>
  );
}

function Words({ handover }: { handover: HandoverDetail }) {
  const { t } = useTranslation();
  return (
    <>
      <Card title={t("handover.note")}>
        <div className={styles.body}>
          <p className={styles.words}>{handover.note || t("handover.no_note")}</p>
        </div>
      </Card>
      {handover.remarks ? (
        <Card title={t("handover.remarks")}>
          <div className={styles.body}>
            <p className={styles.words}>{handover.remarks}</p>
          </div>
        </Card>
      ) : null}
    </>
  );
}
