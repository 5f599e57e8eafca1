import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import styles from "./audit.module.css";
import { check, type Findings, isProved } from "./proof";

/** Asks for an entry's proof and checks it here, step by step. */
export function ProofCheck({ seq }: { seq: number }) {
  const { t } = useTranslation();
  const proving = useMutation({
    mutationFn: async () => {
      const path = { id: String(seq) };
      const given = await take(api.GET("/api/v1/audit/{id}/proof", { params: { path } }));
      return { found: await check(given, seq), entry: given.entry };
    },
  });
  return (
    <section className={styles.proof}>
      <Button
        variant="default"
        // A page that is not served safely has no WebCrypto to check with.
        disabled={!globalThis.crypto?.subtle}
        loading={proving.isPending}
        onClick={() => proving.mutate()}
      >
        {t("audit.prove")}
      </Button>
      {globalThis.crypto?.subtle ? null : <p className="soft">{t("audit.no_crypto")}</p>}
      {proving.error ? (
        <ErrorPanel what={t("error.what.audit_proof")} error={proving.error} />
      ) : null}
      {proving.data ? (
        <>
          <Verdict found={proving.data.found} />
          <Facts
            facts={[
              {
                name: t("audit.step.entry"),
                value: <span className="mono">{proving.data.entry}</span>,
              },
            ]}
          />
          {proving.data.found ? <Steps found={proving.data.found} /> : null}
        </>
      ) : null}
    </section>
  );
}

function Verdict({ found }: { found: Findings | null }) {
  const { t } = useTranslation();
  const word = !found
    ? "unreadable"
    : isProved(found)
      ? "proved"
      : found.isIncluded
        ? found.signature === "wrong"
          ? "wrong"
          : found.signature === "unsupported"
            ? "unsupported"
            : "unknown_key"
        : "not_included";
  // What could not be checked is not wrong.
  const isUnchecked = word === "unsupported" || word === "unknown_key";
  const sort = word === "proved" ? "good" : isUnchecked ? "warn" : "bad";
  return (
    <p role="status" className={styles.verdict} data-sort={sort}>
      {t(`audit.verdict.${word}`)}
    </p>
  );
}

function Steps({ found }: { found: Findings }) {
  const { t } = useTranslation();
  const mono = (text: string | number | undefined) => <span className="mono">{text ?? "—"}</span>;
  return (
    <>
      <Facts
        facts={[
          { name: t("audit.step.leaf"), value: mono(found.leaf) },
          {
            name: t("audit.step.path"),
            value: (
              <ol className={styles.path}>
                {found.path?.map((step) => (
                  <li key={step.hash} className="mono">
                    {step.beside} → {step.hash}
                  </li>
                ))}
              </ol>
            ),
          },
          { name: t("audit.step.root"), value: mono(found.checkpoint?.root) },
          { name: t("audit.step.size"), value: mono(found.checkpoint?.size) },
          { name: t("audit.step.origin"), value: mono(found.checkpoint?.origin) },
          { name: t("audit.step.key"), value: mono(found.keyId) },
          { name: t("audit.step.signature"), value: t(`audit.signature.${found.signature}`) },
          { name: t("audit.step.fingerprint"), value: mono(found.fingerprint) },
        ]}
      />
      <p className="soft">{t("audit.compare")}</p>
    </>
  );
}
