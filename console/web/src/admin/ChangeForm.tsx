import { Button } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { failureText } from "../lib/failure";
import layout from "./layout.module.css";
import type { Change } from "./useChange";

export interface ChangeFormProps {
  change: Change;
  /** Fields that show by themselves what is wrong with them. */
  fields: readonly string[];
  submit: string;
  isReady?: boolean;
  /** How the server's own words are put. */
  detail?: (message: string) => string;
  onClose: () => void;
  children: ReactNode;
}

/** The form of a change: what is asked, what was wrong with it, and how to go on. */
export function ChangeForm(props: ChangeFormProps) {
  const { change, fields, submit, isReady = true, detail, onClose, children } = props;
  const { t } = useTranslation();
  const { failure } = change;
  const { hint, detail: said } = failureText(failure, t);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.run();
  };
  return (
    <>
      <form onSubmit={onSubmit} className={layout.form}>
        {children}
        {failure && !fields.includes(failure.field ?? "") ? (
          <p role="alert" className={layout.bad}>
            {hint} {said && detail ? detail(said) : said}
          </p>
        ) : null}
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={change.isPending} disabled={!isReady}>
            {submit}
          </Button>
        </div>
      </form>
      {change.dialog}
    </>
  );
}
