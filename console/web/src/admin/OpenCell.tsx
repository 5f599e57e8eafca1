import type { ReactNode } from "react";
import layout from "./layout.module.css";

interface OpenCellProps {
  name: string;
  isOpen: boolean;
  onOpen: () => void;
  /** What stands after the name. */
  children?: ReactNode;
}

/** The first cell of a row, whose name opens it at the side. */
export function OpenCell({ name, isOpen, onOpen, children }: OpenCellProps) {
  return (
    <td>
      <button type="button" className={layout.name} aria-expanded={isOpen} onClick={onOpen}>
        {name}
      </button>
      {children}
    </td>
  );
}
