import { Button, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { CopyValue } from "../parts/CopyValue";
import { Dialog } from "../parts/Dialog";

interface CodeOnceProps {
  code: string | null;
  name: string;
  onClose: () => void;
}

/** The second person's code for a link, shown this once, to be told to whom the link is for. */
export function CodeOnce({ code, name, onClose }: CodeOnceProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={code !== null} onClose={onClose} title={t("people.code_title", { name })}>
      {code ? (
        <div className={layout.form}>
          <p>{t("people.code_hint", { name })}</p>
          <TextInput
            size="xs"
            readOnly
            label={t("people.code")}
            className="mono"
            value={code}
            onFocus={(event) => event.currentTarget.select()}
            rightSection={<CopyValue value={code} />}
          />
          <Button onClick={onClose}>{t("people.code_given")}</Button>
        </div>
      ) : null}
    </Dialog>
  );
}
