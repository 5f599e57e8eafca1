import { type ReactNode, useId } from "react";
import styles from "./parts.module.css";

interface CardProps {
  title: string;
  aside?: ReactNode;
  className?: string | undefined;
  children: ReactNode;
}

export function Card({ title, aside, className, children }: CardProps) {
  const id = useId();
  return (
    <section className={`${styles.card} ${className ?? ""}`} aria-labelledby={id}>
      <header className={styles.cardHead}>
        <h2 id={id}>{title}</h2>
        {aside ? <div>{aside}</div> : null}
      </header>
      {children}
    </section>
  );
}
