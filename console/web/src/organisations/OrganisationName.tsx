import { useOrganisations } from "./useOrganisations";

/** An organisation by name; its code, by which filters and commands name it, shows on pointing. */
export function OrganisationName({ code, className }: { code: string; className?: string }) {
  const { name } = useOrganisations();
  return (
    <span title={code} className={className}>
      {name(code)}
    </span>
  );
}
