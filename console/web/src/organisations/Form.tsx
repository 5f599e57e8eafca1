import { Button } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { failureText } from "../lib/failure";
import type { useChange } from "./useChange";

interface FormProps {
  change: ReturnType<typeof useChange>;
  /** Fields that show by themselves what is wrong with them. */
  fields: readonly string[];
  submit: string;
  isReady?: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** The form of a change: what is asked, what was wrong with it, and how to go on. */
export function Form({ change, fields, submit, isReady = true, onClose, children }: FormProps) {
  const { t } = useTranslation();
  const { failure } = change;
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
            {failureText(failure, t).hint} {t("error.detail", { message: failure.message })}
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
