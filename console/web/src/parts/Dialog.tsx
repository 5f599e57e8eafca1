import { Modal, type ModalProps } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** A modal dialog whose close button has its name in the user's language. */
export function Dialog(props: ModalProps) {
  const { t } = useTranslation();
  return <Modal {...props} closeButtonProps={{ "aria-label": t("common.close") }} />;
}
