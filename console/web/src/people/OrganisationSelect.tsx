import { type ComboboxItem, type OptionsFilter, Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { OrganisationName } from "../api/client";
import { nameOf } from "../lib/organisation";
import { plain } from "./plain";

interface OrganisationSelectProps {
  places: readonly { organisation: OrganisationName }[];
  value: string | null;
  label: string;
  description?: string;
  error?: string | undefined;
  clearable?: boolean;
  onChange: (code: string | null) => void;
}

/** Those whose name or code has the text, whether or not it is typed with its marks. */
export const byName: OptionsFilter = ({ options, search }) =>
  (options as ComboboxItem[]).filter(
    (option) => plain(option.label).includes(plain(search)) || option.value.includes(plain(search)),
  );

/** An organisation by name or code. */
export function OrganisationSelect({ places, clearable, ...props }: OrganisationSelectProps) {
  const { i18n } = useTranslation();
  const data = places.map(({ organisation }) => ({
    value: organisation.code,
    label: nameOf(organisation, i18n.language),
  }));
  return (
    <Select
      {...props}
      size="xs"
      data={data}
      searchable
      clearable={clearable ?? false}
      allowDeselect={false}
      limit={60}
      comboboxProps={{ withinPortal: true }}
      filter={byName}
    />
  );
}
