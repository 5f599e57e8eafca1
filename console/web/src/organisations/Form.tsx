import { useTranslation } from "react-i18next";
import { ChangeForm, type ChangeFormProps } from "../admin/ChangeForm";

/** The form of a change of organisations. */
export function Form(props: ChangeFormProps) {
  const { t } = useTranslation();
  return <ChangeForm detail={(message) => t("error.detail", { message })} {...props} />;
}
